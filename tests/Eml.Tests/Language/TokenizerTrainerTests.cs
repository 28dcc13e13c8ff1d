using System.Text;
using System.Text.Json;
using Eml.Formats;
using Eml.Language;
using Eml.Numerics;
using Eml.Tests.Formats;
using Xunit.Abstractions;

namespace Eml.Tests.Language;

/// <summary>Merges as rustbpe finds them.</summary>
public class TokenizerTrainerTests(ITestOutputHelper output)
{
    [Fact]
    public void Finds_the_merges_of_the_reference()
    {
        int count = 0;
        foreach (JsonElement item in TokenizerCases.Json("bpe_trainer.json").Array("cases"))
        {
            string corpus = item.TryGetProperty("corpus_file", out JsonElement file) ? Eml.Tests.Golden.PathOf("lm", file.GetString()!) : "";
            if (corpus.Length > 0 && !File.Exists(corpus))
            {
                output.WriteLine($"skipped golden: {item.Text("name")} needs the corpus, which is in the full set only");
                continue;
            }
            var trainer = new TokenizerTrainer();
            string[] documents = corpus.Length > 0 ? [File.ReadAllText(corpus)] : [.. item.Array("documents").Select(text => text.GetString()!)];
            foreach (string document in documents)
            {
                trainer.Add(Encoding.UTF8.GetBytes(document));
            }
            Assert.Equal(item.Int("unique_chunks"), trainer.UniquePieces);
            Assert.Equal(item.Int("total_chunks"), trainer.Pieces);
            TokenizerMerge[] merges = trainer.FindMerges(item.Int("vocab_size") - 256);
            Assert.Equal([.. item.Array("merges").Select(pair => (pair[0].GetInt32(), pair[1].GetInt32()))],
                merges.Select(merge => (merge.Left, merge.Right)).ToArray());
            Assert.Equal(item.Ints("counts"), merges.Select(merge => (int)merge.Count));
            Tokenizer tokenizer = TokenizerTrainer.Make(merges, ["<|end|>"]);
            Assert.Equal(documents[0], tokenizer.Decode(tokenizer.Encode(documents[0])));
            Assert.Equal(256 + merges.Length, tokenizer.BosId);
            count++;
        }
        Assert.Equal(Eml.Tests.Golden.IsFull ? 9 : 7, count);
    }

    [Fact]
    public void Random_documents_give_the_merges_of_the_definition()
    {
        var random = new Random(8);
        for (int round = 0; round < 600; round++)
        {
            string[] documents = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Text(random))];
            var trainer = new TokenizerTrainer();
            var pieces = new Dictionary<string, (List<int> Tokens, long Count)>();
            foreach (string document in documents)
            {
                byte[] bytes = Encoding.UTF8.GetBytes(document);
                trainer.Add(bytes);
                for (int start = 0, end; start < bytes.Length; start = end)
                {
                    end = PieceSplitter.End(bytes, start);
                    string piece = Encoding.UTF8.GetString(bytes, start, end - start);
                    pieces[piece] = pieces.TryGetValue(piece, out var known) ? (known.Tokens, known.Count + 1) : ([.. piece.Select(c => (int)c)], 1);
                }
            }
            TokenizerMerge[] merges = trainer.FindMerges(60);
            Assert.Equal(ByDefinition([.. pieces.Values], 60), merges);
            TokenizerTrainer.Make(merges, []); // no token comes twice
        }
    }

    [Fact]
    public void The_order_of_documents_does_not_matter()
    {
        var random = new Random(9);
        string[] documents = [.. Enumerable.Range(0, 50).Select(_ => Text(random))];
        TokenizerMerge[] merges = Train(documents).FindMerges(100);
        random.Shuffle(documents);
        Assert.Equal(merges, Train(documents).FindMerges(100));
    }

    [Fact]
    public void Training_tells_its_merges_and_can_be_stopped()
    {
        TokenizerTrainer trainer = Train("ab ab ab cd cd ef");
        var cancel = new Cancel();
        var told = new List<TokenizerMerge>();
        TokenizerMerge[] merges = trainer.FindMerges(10, (number, merge) =>
        {
            Assert.Equal(told.Count, number);
            told.Add(merge);
            if (number == 1)
                cancel.Set();
        }, cancel);
        Assert.Equal(2, merges.Length);
        Assert.Equal(told, merges);
        Assert.Equal(new TokenizerMerge('a', 'b', 3), merges[0]);
    }

    [Fact]
    public void A_trained_tokenizer_comes_back_from_its_file()
    {
        Tokenizer tokenizer = TokenizerTrainer.Make(Train("the cat sat on the mat; the hat").FindMerges(20), ["<s>", "</s>"], "small");
        Tokenizer back = TokenizerFile.Read(TokenizerFile.Write(tokenizer, TokenizerFormat.Json));
        Assert.Equal("small", back.Name);
        Assert.Equal(["<s>", "</s>"], back.SpecialNames);
        Assert.Equal(tokenizer.Encode("that cat<s>", special: true), back.Encode("that cat<s>", special: true));
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        Refused.As(ErrorCode.Argument, () => Train().FindMerges(-1));
        Refused.As(ErrorCode.Argument, () => Train().FindMerges(Tokenizer.MaxTokens));
        Refused.As(ErrorCode.Argument, () => new TokenizerTrainer().Add([0xFF]));
        Refused.As(ErrorCode.Argument, () => TokenizerTrainer.Make([new TokenizerMerge(0, 256, 1)], []));
        Refused.As(ErrorCode.Argument, () => TokenizerTrainer.Make([], ["a", "a"]));
    }

    private static TokenizerTrainer Train(params string[] documents)
    {
        var trainer = new TokenizerTrainer();
        foreach (string document in documents)
        {
            trainer.Add(Encoding.UTF8.GetBytes(document));
        }
        return trainer;
    }

    private static string Text(Random random)
    {
        int letters = random.Next(1, 4);
        return string.Concat(Enumerable.Range(0, random.Next(60)).Select(_ => random.Next(5) == 0 ? ' ' : (char)('a' + random.Next(letters))));
    }

    /// <summary>Counts all pairs anew for every merge.</summary>
    private static List<TokenizerMerge> ByDefinition((List<int> Tokens, long Count)[] pieces, int most)
    {
        var merges = new List<TokenizerMerge>();
        while (merges.Count < most)
        {
            var counts = new Dictionary<(int Left, int Right), long>();
            foreach ((List<int> tokens, long count) in pieces)
            {
                for (int i = 0; i + 1 < tokens.Count; i++)
                {
                    counts[(tokens[i], tokens[i + 1])] = counts.GetValueOrDefault((tokens[i], tokens[i + 1])) + count;
                }
            }
            if (counts.Count == 0)
            {
                break;
            }
            ((int left, int right), long best) = counts.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key).First();
            foreach ((List<int> tokens, _) in pieces)
            {
                for (int i = 0; i + 1 < tokens.Count; i++)
                {
                    if (tokens[i] == left && tokens[i + 1] == right)
                    {
                        tokens[i] = 256 + merges.Count;
                        tokens.RemoveAt(i + 1);
                    }
                }
            }
            merges.Add(new TokenizerMerge(left, right, best));
        }
        return merges;
    }
}
