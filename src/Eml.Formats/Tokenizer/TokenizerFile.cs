using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>How a tokenizer is written.</summary>
public enum TokenizerFormat
{
    /// <summary>tokenizer.json: tokens, merges, special tokens, split pattern.</summary>
    Json,
    /// <summary>.tiktoken: a token and its rank a line, nothing else.</summary>
    Tiktoken,
}

/// <summary>Tokenizers to bytes and back.</summary>
public static class TokenizerFile
{
    /// <summary>Bytes of a tokenizer's file: more than any vocabulary within the limits needs.</summary>
    public const int MaxBytes = 1 << 26;

    /// <summary>The tokenizer in a file of either format, which its bytes tell.</summary>
    public static Tokenizer Load(string path) => Read(AtomicFile.Read(path, MaxBytes));

    /// <summary>The tokenizer that these bytes hold, in either format: only JSON begins with a brace.</summary>
    public static Tokenizer Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxBytes)
        {
            throw new EmlException(ErrorCode.Limit, $"tokenizer: it has {bytes.Length} bytes; the limit is {MaxBytes}; use a smaller vocabulary");
        }
        int first = bytes.IndexOfAnyExcept(" \t\r\n"u8);
        return first >= 0 && bytes[first] is (byte)'{' or (byte)'['
            ? TokenizerJson.Read(StrictJson.Parse(bytes, "tokenizer"))
            : TokenizerText.Read(bytes);
    }

    /// <summary>The file's bytes. A .tiktoken file carries no name, and only the special tokens that its readers assume.</summary>
    public static byte[] Write(Tokenizer tokenizer, TokenizerFormat format) => format switch
    {
        TokenizerFormat.Json => TokenizerJson.Write(tokenizer),
        TokenizerFormat.Tiktoken => TokenizerText.Write(tokenizer),
        _ => throw new EmlException(ErrorCode.Argument, $"format: {(int)format} is no format of tokenizers; it must be 0 (JSON) or 1 (tiktoken)"),
    };

    /// <summary>Writes a file in the format that its extension names.</summary>
    public static void Save(Tokenizer tokenizer, string path) => AtomicFile.Write(path, Write(tokenizer, FromPath(path)));

    /// <summary>The format of a file's extension.</summary>
    public static TokenizerFormat FromPath(string path) => Path.GetExtension(path) switch
    {
        ".json" => TokenizerFormat.Json,
        ".tiktoken" => TokenizerFormat.Tiktoken,
        _ => throw new EmlException(ErrorCode.Argument, $"{path}: the extension names no format of tokenizers; use .json or .tiktoken"),
    };
}
