using System.Globalization;
using System.Text;

namespace Eml.Language;

/// <summary>What the split pattern distinguishes.</summary>
internal enum CharacterClass : byte
{
    /// <summary>None of the others: punctuation, symbols, marks, controls.</summary>
    Other,
    /// <summary>\p{L}.</summary>
    Letter,
    /// <summary>\p{N}.</summary>
    Number,
    /// <summary>White_Space without the line ends below.</summary>
    Space,
    /// <summary>CR and LF.</summary>
    LineEnd,
}

/// <summary>Classes of all characters, by tables.</summary>
internal static class CharacterClasses
{
    private const int PageBits = 8;

    // Classes of 256 characters each, made when the first of them is met: a text uses few of the 4,352 pages.
    private static readonly CharacterClass[]?[] s_pages = new CharacterClass[]?[0x110000 >> PageBits];
    private static readonly CharacterClass[] s_ascii = Page(0);

    /// <summary>The class of a character below 128.</summary>
    public static CharacterClass OfAscii(byte character) => s_ascii[character];

    /// <summary>The class of any character.</summary>
    public static CharacterClass Of(int character) => Page(character >> PageBits)[character & ((1 << PageBits) - 1)];

    /// <summary>The class of the character at <paramref name="at"/> of valid UTF-8, and how many bytes it has.</summary>
    public static CharacterClass At(ReadOnlySpan<byte> text, int at, out int length)
    {
        byte first = text[at];
        if (first < 0x80)
        {
            length = 1;
            return OfAscii(first);
        }
        int character;
        if (first < 0xE0)
        {
            length = 2;
            character = ((first & 0x1F) << 6) | (text[at + 1] & 0x3F);
        }
        else if (first < 0xF0)
        {
            length = 3;
            character = ((first & 0x0F) << 12) | ((text[at + 1] & 0x3F) << 6) | (text[at + 2] & 0x3F);
        }
        else
        {
            length = 4;
            character = ((first & 0x07) << 18) | ((text[at + 1] & 0x3F) << 12) | ((text[at + 2] & 0x3F) << 6) | (text[at + 3] & 0x3F);
        }
        return Of(character);
    }

    private static CharacterClass[] Page(int number)
    {
        CharacterClass[]? page = Volatile.Read(ref s_pages[number]);
        if (page is null)
        {
            // Two threads may make the same page; they make it equal.
            page = Make(number << PageBits);
            Volatile.Write(ref s_pages[number], page);
        }
        return page;
    }

    private static CharacterClass[] Make(int first)
    {
        var page = new CharacterClass[1 << PageBits];
        for (int i = 0; i < page.Length; i++)
        {
            page[i] = Find(first + i);
        }
        return page;
    }

    private static CharacterClass Find(int character)
    {
        if (character is '\r' or '\n')
        {
            return CharacterClass.LineEnd;
        }
        // Rune's white space is the property White_Space: U+0085 is in it, U+001C to U+001F are not. Surrogates are no runes.
        if (Rune.IsValid(character) && Rune.IsWhiteSpace(new Rune(character)))
        {
            return CharacterClass.Space;
        }
        return CharUnicodeInfo.GetUnicodeCategory(character) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => CharacterClass.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharacterClass.Number,
            _ => CharacterClass.Other,
        };
    }
}
