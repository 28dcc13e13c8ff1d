using System.Buffers;
using System.Text;

namespace Eml.Language;

/// <summary>
/// Decodes tokens one by one without ever cutting a character in two: all that it answers, joined, is what
/// <see cref="Tokenizer.Decode"/> makes of all the ids. For one thread.
/// </summary>
public sealed class StreamDecoder(Tokenizer tokenizer)
{
    private const int LongestPart = 3;

    private readonly byte[] _bytes = new byte[LongestPart + Tokenizer.MaxTokenBytes];
    private int _pending;

    /// <summary>The text that this token completes; empty while a character lacks bytes.</summary>
    public string Push(int id)
    {
        ReadOnlySpan<byte> token = tokenizer.TokenBytes(id);
        token.CopyTo(_bytes.AsSpan(_pending));
        int length = _pending + token.Length;
        _pending = Incomplete(_bytes.AsSpan(0, length));
        string text = Encoding.UTF8.GetString(_bytes, 0, length - _pending);
        _bytes.AsSpan(length - _pending, _pending).CopyTo(_bytes);
        return text;
    }

    /// <summary>What is left of a character that lacks bytes, as U+FFFD; the decoder can begin again.</summary>
    public string Flush()
    {
        string text = Encoding.UTF8.GetString(_bytes, 0, _pending);
        _pending = 0;
        return text;
    }

    /// <summary>How many bytes at the end begin a character that more bytes could complete.</summary>
    private static int Incomplete(ReadOnlySpan<byte> bytes)
    {
        for (int part = 1; part <= Math.Min(LongestPart, bytes.Length); part++)
        {
            if (Rune.DecodeFromUtf8(bytes[^part..], out _, out _) == OperationStatus.NeedMoreData)
            {
                return part;
            }
        }
        return 0;
    }
}
