using System.Diagnostics;
using System.Text;
using Eml.Language;

namespace Eml.Tests.Language;

/// <summary>The merges of a piece against the definition, computed as it is written.</summary>
public class TokenizerMergeTests
{
    [Fact]
    public void Random_pieces_merge_as_the_definition_says()
    {
        var random = new Random(11);
        Tokenizer golden = TokenizerCases.Golden;
        Dictionary<string, int> ranks = RanksOf(golden);
        for (int round = 0; round < 20_000; round++)
        {
            // Letters only, so that the text is one piece; parts of tokens, so that there is much to merge.
            var piece = new StringBuilder();
            int length = random.Next(1, round % 50 == 0 ? 400 : 24);
            while (piece.Length < length)
            {
                string part = Encoding.Latin1.GetString(golden.TokenBytes(random.Next(256, golden.RankCount))).Trim();
                piece.Append(part.All(char.IsAsciiLetter) && random.Next(3) > 0 ? part : ((char)random.Next('a', 'z' + 1)).ToString());
            }
            Check(golden, ranks, Encoding.Latin1.GetBytes(piece.ToString()));
        }
    }

    [Fact]
    public void Random_vocabularies_merge_as_the_definition_says()
    {
        var random = new Random(12);
        for (int round = 0; round < 200; round++)
        {
            // Tokens that no sequence of merges made, in any order of ranks: bytes too.
            var tokens = new HashSet<string>();
            int count = random.Next(1, 200);
            for (int i = 0; i < count; i++)
            {
                tokens.Add(Letters(random, random.Next(2, random.Next(3, 24)), 2));
            }
            byte[][] shuffled = [.. TokenizerCases.Ranks([.. tokens])];
            random.Shuffle(shuffled);
            var tokenizer = new Tokenizer(shuffled, new Dictionary<string, int>());
            Dictionary<string, int> ranks = RanksOf(tokenizer);
            for (int piece = 0; piece < 30; piece++)
            {
                Check(tokenizer, ranks, Encoding.Latin1.GetBytes(Letters(random, random.Next(1, 200), 2)));
            }
        }
    }

    [Theory]
    [InlineData("a")]
    [InlineData(" ")]
    [InlineData("\n")]
    [InlineData("=")]
    [InlineData("ab")]
    [InlineData("the")]
    public void A_piece_of_a_megabyte_is_no_matter(string unit)
    {
        string text = string.Concat(Enumerable.Repeat(unit, 1_000_000 / unit.Length));
        var clock = Stopwatch.StartNew();
        int[] ids = TokenizerCases.Golden.Encode(text);
        double seconds = clock.Elapsed.TotalSeconds;
        Assert.Equal(text, TokenizerCases.Golden.Decode(ids));
        // Some hundredths; a quadratic search would take minutes.
        Assert.InRange(seconds, 0, 5);
    }

    [Fact]
    public void Merges_are_found_again()
    {
        (int Left, int Right)[]? merges = TokenizerCases.Golden.FindMerges();
        Assert.NotNull(merges);
        Assert.Equal(7932, merges.Length);
        for (int i = 0; i < merges.Length; i++)
        {
            byte[] joined = [.. TokenizerCases.Golden.TokenBytes(merges[i].Left), .. TokenizerCases.Golden.TokenBytes(merges[i].Right)];
            Assert.Equal(TokenizerCases.Golden.TokenBytes(256 + i).ToArray(), joined);
        }
        Assert.Null(new Tokenizer(TokenizerCases.Ranks("abc"), new Dictionary<string, int>()).FindMerges());
    }

    private static string Letters(Random random, int length, int alphabet) =>
        string.Concat(Enumerable.Range(0, length).Select(_ => (char)('a' + random.Next(alphabet))));

    private static Dictionary<string, int> RanksOf(Tokenizer tokenizer) =>
        Enumerable.Range(0, tokenizer.RankCount).ToDictionary(id => Encoding.Latin1.GetString(tokenizer.TokenBytes(id)));

    private static void Check(Tokenizer tokenizer, Dictionary<string, int> ranks, byte[] piece)
    {
        int[] expected = ByDefinition(ranks, Encoding.Latin1.GetString(piece));
        Assert.Equal(expected, tokenizer.Encode(piece));
        Assert.Equal(expected, tokenizer.Encode(piece)); // out of the cache
    }

    /// <summary>A piece that is a token is that token; else the leftmost pair of the lowest rank is joined, again and again.</summary>
    private static int[] ByDefinition(Dictionary<string, int> ranks, string piece)
    {
        if (ranks.TryGetValue(piece, out int whole))
        {
            return [whole];
        }
        List<string> parts = [.. piece.Select(c => c.ToString())];
        while (true)
        {
            int best = -1, lowest = int.MaxValue;
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                if (ranks.TryGetValue(parts[i] + parts[i + 1], out int rank) && rank < lowest)
                {
                    (best, lowest) = (i, rank);
                }
            }
            if (best < 0)
            {
                return [.. parts.Select(part => ranks[part])];
            }
            parts[best] += parts[best + 1];
            parts.RemoveAt(best + 1);
        }
    }
}
