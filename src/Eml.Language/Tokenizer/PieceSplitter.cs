using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Eml.Language;

/// <summary>
/// Cuts text into the pieces that byte pair encoding works on: the matches of <see cref="Tokenizer.SplitPattern"/>, found
/// without a regular expression. The matches of that pattern cover every text without gaps.
/// </summary>
internal static class PieceSplitter
{
    /// <summary>The end of the piece that begins at <paramref name="start"/> of <paramref name="text"/>, which is valid UTF-8.</summary>
    public static int End(ReadOnlySpan<byte> text, int start)
    {
        // Most pieces of prose: letters, or a space and letters.
        int letters = text[start] == ' ' ? start + 1 : start;
        int end = AsciiLetters(text, letters);
        if (end > letters && (end == text.Length || text[end] < 0x80))
        {
            return end;
        }

        CharacterClass kind = CharacterClasses.At(text, start, out int length);
        int next = start + length;
        switch (kind)
        {
            case CharacterClass.Letter:
                return Letters(text, next);
            case CharacterClass.Number: // \p{N}{1,2}
                return next < text.Length && CharacterClasses.At(text, next, out length) == CharacterClass.Number ? next + length : next;
            case CharacterClass.LineEnd:
                return WhiteSpace(text, start);
        }

        if (text[start] == '\'' && Contraction(text, next) is var contraction && contraction > next)
        {
            return contraction;
        }
        CharacterClass nextKind = next < text.Length ? CharacterClasses.At(text, next, out length) : CharacterClass.LineEnd;
        if (nextKind == CharacterClass.Letter) // [^\r\n\p{L}\p{N}]?+\p{L}+
        {
            return Letters(text, next + length);
        }
        if (kind == CharacterClass.Other)
        {
            return Others(text, next);
        }
        return text[start] == ' ' && next < text.Length && nextKind == CharacterClass.Other ? Others(text, next + length) : WhiteSpace(text, start);
    }

    /// <summary>What follows an apostrophe: (?i:[sdmt]|ll|ve|re). U+017F, the long s, is an s in another case.</summary>
    private static int Contraction(ReadOnlySpan<byte> text, int at)
    {
        int first = Lower(text, at), second = Lower(text, at + 1);
        return (first, second) switch
        {
            ('s' or 'd' or 'm' or 't', _) => at + 1,
            ('l', 'l') or ('v', 'e') or ('r', 'e') => at + 2,
            _ => text[at..].StartsWith("\u017F"u8) ? at + 2 : at,
        };
    }

    private static int Lower(ReadOnlySpan<byte> text, int at) => at < text.Length && char.IsAsciiLetter((char)text[at]) ? text[at] | 0x20 : -1;

    private static int Letters(ReadOnlySpan<byte> text, int at)
    {
        while (true)
        {
            at = AsciiLetters(text, at);
            if (at == text.Length || text[at] < 0x80 || CharacterClasses.At(text, at, out int length) != CharacterClass.Letter)
            {
                return at;
            }
            at += length;
        }
    }

    /// <summary>The end of the letters A to Z and a to z.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int AsciiLetters(ReadOnlySpan<byte> text, int at)
    {
        if (Vector128.IsHardwareAccelerated)
        {
            while (at + Vector128<byte>.Count <= text.Length)
            {
                Vector128<byte> bytes = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(text), (nuint)at) | Vector128.Create((byte)0x20);
                uint others = ~Vector128.LessThan(bytes - Vector128.Create((byte)'a'), Vector128.Create((byte)26)).ExtractMostSignificantBits() & 0xFFFF;
                if (others != 0)
                {
                    return at + BitOperations.TrailingZeroCount(others);
                }
                at += Vector128<byte>.Count;
            }
        }
        while (at < text.Length && (uint)((text[at] | 0x20) - 'a') < 26)
        {
            at++;
        }
        return at;
    }

    /// <summary>The rest of [^\s\p{L}\p{N}]++[\r\n]*.</summary>
    private static int Others(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && CharacterClasses.At(text, at, out int length) == CharacterClass.Other)
        {
            at += length;
        }
        while (at < text.Length && text[at] is (byte)'\r' or (byte)'\n')
        {
            at++;
        }
        return at;
    }

    /// <summary>
    /// \s*[\r\n]|\s+(?!\S)|\s+ : up to the last line end; without one all white space before the end of the text; before
    /// anything else all but the last, which goes with what follows, unless it is the only one.
    /// </summary>
    private static int WhiteSpace(ReadOnlySpan<byte> text, int start)
    {
        int at = start, last = start, afterLineEnd = start;
        while (at < text.Length && CharacterClasses.At(text, at, out int length) is var kind and (CharacterClass.Space or CharacterClass.LineEnd))
        {
            last = at;
            at += length;
            if (kind == CharacterClass.LineEnd)
            {
                afterLineEnd = at;
            }
        }
        if (afterLineEnd > start)
        {
            return afterLineEnd;
        }
        return at == text.Length || last == start ? at : last;
    }
}
