using Eml.Numerics;

namespace Eml.Formats;

/// <summary>Names and metadata become UTF-8 in every format, so they must be Unicode to begin with.</summary>
internal static class UnicodeText
{
    /// <summary>Refuses a .NET string with half a surrogate pair, which UTF-8 cannot carry.</summary>
    public static void Check(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
            {
                i++;
                continue;
            }

            throw new EmlException(ErrorCode.Argument,
                $"a text of {text.Length} UTF-16 units holds half a surrogate pair at unit {i}; give it whole or leave it out");
        }
    }
}
