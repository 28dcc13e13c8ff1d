#!/usr/bin/env bash
# Is every C# file formatted, and free of what the code-style rules of .editorconfig forbid?
cd "$(dirname "$0")/.." || exit 1
if dotnet format Eml.Native.sln --verify-no-changes --no-restore; then
    echo "1 passed, 0 failed"
else
    echo "To mend: dotnet format Eml.Native.sln"
    echo "0 passed, 1 failed"
    exit 1
fi
