#!/usr/bin/env bash
# Rewrites PublicAPI.Unshipped.txt of every project that has one from the code.
# What is in PublicAPI.Shipped.txt stays: that was released.
set -eu
cd "$(dirname "$0")/.."
export EmlPublicApi=true
dotnet restore Eml.Native.sln -v quiet
for file in src/*/PublicAPI.Unshipped.txt; do
    echo '#nullable enable' >"$file"
    dotnet format analyzers "$(dirname "$file")" --no-restore --diagnostics RS0016 --severity warn
    { echo '#nullable enable'; grep -v '^#nullable enable$' "$file" | grep . | LC_ALL=C sort; } >"$file.new" || true
    mv "$file.new" "$file"
    echo "$file: $(($(wc -l <"$file") - 1)) symbols"
done
