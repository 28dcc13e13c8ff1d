using System.Text;
using System.Text.RegularExpressions;
using Eml.Language;
using Xunit.Abstractions;

namespace Eml.Tests.Language;

/// <summary>The splitter against .NET's regular expressions.</summary>
public class TokenizerSplitTests(ITestOutputHelper output)
{
    // White_Space, which \s of .NET is not: Unicode's PropList.txt.
    private const string Space = @"\t-\r\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000";

    // The pattern with atomic groups for possessive quantifiers and both cases of s written out.
    private static readonly Regex s_pattern = new(
        @"'(?:[sSdDmMtT\u017F]|[lL][lL]|[vV][eE]|[rR][eE])|(?>[^\r\n\p{L}\p{N}]?)\p{L}+|\p{N}{1,2}| ?(?>[^" + Space + @"\p{L}\p{N}]+)[\r\n]*|[" + Space +
        @"]*[\r\n]|[" + Space + "]+(?![^" + Space + "])|[" + Space + "]+", RegexOptions.CultureInvariant);

    // Of each class several, and those that implementations take for another class. A regex of .NET sees UTF-16 units, so
    // that characters past U+FFFF have a test of their own.
    private const string Alphabet =
        "aasstldmrvekSTLVREKzA'''''     \t\n\n\r\r\n\v\f0019\u0085\u00A0\u1680\u2000\u200A\u200B\u2028\u2029\u202F\u205F\u3000\u180E\uFEFF" +
        "\u001C\u001D\u001F\0.,;=-!\u017F\u212A\u0131é\u0301\u00BD\u00B2\u2163\u0664\u4E00\u3007\u02B0\u01C5\u00AA\u2019\u20AC\u00AD\u0903\uE000\uFFFD";

    [Fact]
    public void Random_texts_split_as_the_regular_expression_says()
    {
        var random = new Random(3);
        var text = new StringBuilder();
        for (int round = 0; round < 150_000; round++)
        {
            text.Clear();
            int length = random.Next(0, round % 10 == 0 ? 60 : 14);
            // Few different characters at a time make runs.
            int from = random.Next(Alphabet.Length), width = random.Next(2) == 0 ? Alphabet.Length : random.Next(1, 8);
            for (int i = 0; i < length; i++)
            {
                text.Append(Alphabet[random.Next(5) == 0 ? random.Next(Alphabet.Length) : (from + random.Next(width)) % Alphabet.Length]);
            }
            Check(text.ToString());
        }
    }

    [Fact]
    public void Every_character_splits_as_the_regular_expression_says()
    {
        for (int c = 0; c < 0x10000; c++)
        {
            if (!char.IsSurrogate((char)c))
            {
                Check($"a{(char)c}{(char)c} {(char)c}b1{(char)c}.\n{(char)c}");
            }
        }
    }

    [Fact]
    public void Characters_of_four_bytes_have_their_classes()
    {
        foreach ((string text, string[] pieces) in new (string, string[])[]
        {
            ("𝒳𐐀a 𝒳", ["𝒳𐐀a", " 𝒳"]), // letters
            ("𝟘𝟙𝟚 𐄇", ["𝟘𝟙", "𝟚", " ", "𐄇"]), // numbers: decimal, other
            ("👍👍\n 👍a", ["👍👍\n", " 👍", "a"]), // symbols
            ("👍a", ["👍a"]), // a symbol and letters
            ("  👍", [" ", " 👍"]),
        })
        {
            Assert.Equal(pieces, Pieces(text));
        }
    }

    [Fact]
    public void The_corpus_splits_as_the_regular_expression_says()
    {
        foreach (string file in (string[])["bpe_parity.json", "tokenizer.tiktoken"])
        {
            Check(Encoding.UTF8.GetString(TokenizerCases.Bytes(file)));
        }
        string corpus = Eml.Tests.Golden.PathOf("lm", "corpus/val.txt");
        if (File.Exists(corpus))
        {
            Check(File.ReadAllText(corpus));
        }
        else
        {
            output.WriteLine("skipped golden: the corpus is in the full set only");
        }
    }

    private static void Check(string text)
    {
        string[] expected = [.. s_pattern.Matches(text).Select(match => match.Value)];
        Assert.Equal(text, string.Concat(expected));
        Assert.Equal(expected, Pieces(text));
    }

    private static List<string> Pieces(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        var pieces = new List<string>();
        for (int start = 0, end; start < bytes.Length; start = end)
        {
            end = PieceSplitter.End(bytes, start);
            Assert.InRange(end, start + 1, bytes.Length);
            pieces.Add(Encoding.UTF8.GetString(bytes, start, end - start));
        }
        return pieces;
    }
}
