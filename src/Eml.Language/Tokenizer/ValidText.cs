using System.Text;
using System.Text.Unicode;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>The check of text that comes as bytes.</summary>
internal static class ValidText
{
    /// <summary>Refuses bytes that are no UTF-8, and says where.</summary>
    public static void Check(ReadOnlySpan<byte> text)
    {
        if (Utf8.IsValid(text))
        {
            return;
        }
        int at = 0;
        while (Rune.DecodeFromUtf8(text[at..], out _, out int length) == System.Buffers.OperationStatus.Done)
        {
            at += length;
        }
        throw new EmlException(ErrorCode.Argument,
            $"text: byte {at} (0x{text[at]:X2}) begins no valid UTF-8 character; text must be UTF-8 throughout: convert it first");
    }
}
