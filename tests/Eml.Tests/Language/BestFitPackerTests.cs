using System.Text.Json;
using Eml.Language;
using Eml.Numerics;
using Eml.Tests.Formats;

namespace Eml.Tests.Language;

/// <summary>Rows as the reference packs them, and the corpus that they come from.</summary>
public class BestFitPackerTests
{
    private const int Vocabulary = 64;

    [Fact]
    public void Packs_the_rows_of_the_reference()
    {
        int count = 0;
        foreach (JsonElement item in TokenizerCases.Json("packing.json").Array("cases"))
        {
            int batch = item.Int("batch"), length = item.Int("seq_len");
            var corpus = TokenCorpus.Create(Vocabulary, [.. item.Array("docs").Select(Ids)]);
            var packer = new BestFitPacker(corpus, item.Int("bos"), length, item.Int("refill"), item.Int("buffer_size"));
            int[] inputs = new int[batch * length], targets = new int[batch * length];
            foreach (JsonElement expected in item.Array("batches"))
            {
                packer.Next(inputs, targets);
                Assert.Equal(expected.Array("inputs").SelectMany(Ids), inputs);
                Assert.Equal(expected.Array("targets").SelectMany(Ids), targets);
                Assert.Equal(expected.Int("epoch"), packer.Epoch);
                count++;
            }
        }
        Assert.Equal(9, count);
    }

    [Theory]
    [InlineData(3, 7, 5, 11)]
    [InlineData(40, 16, 4, 8)]
    [InlineData(300, 32, 128, 1000)]
    [InlineData(64, 9, 64, 1)]
    public void Random_documents_give_the_rows_of_the_definition(int documents, int length, int refill, int bufferSize)
    {
        int[][] texts = Random(documents, 40, Vocabulary);
        var packer = new BestFitPacker(TokenCorpus.Create(Vocabulary, texts), 1, length, refill, bufferSize);
        int[] inputs = new int[length], targets = new int[length];
        foreach ((int[] row, int epoch) in ByDefinition(texts, 1, length, refill, bufferSize).Take(400))
        {
            packer.Next(inputs, targets);
            Assert.Equal(row[..^1], inputs);
            Assert.Equal(row[1..], targets);
            Assert.Equal(epoch, packer.Epoch);
        }
    }

    [Fact]
    public void Resumed_at_any_row_it_goes_on_with_the_same_rows()
    {
        const int rows = 150, length = 12;
        var corpus = TokenCorpus.Create(Vocabulary, Random(50, 30, Vocabulary));
        var whole = new BestFitPacker(corpus, 0, length, 4, 9);
        var states = new List<long[]>();
        int[] inputs = new int[rows * length], targets = new int[rows * length];
        for (int row = 0; row < rows; row++)
        {
            states.Add(whole.State);
            whole.Next(inputs.AsSpan(row * length, length), targets.AsSpan(row * length, length));
        }
        Assert.True(whole.Epoch > 2);
        for (int row = 0; row < rows; row++)
        {
            var packer = new BestFitPacker(corpus, 0, length, 4, 9);
            packer.Restore(states[row]);
            Assert.Equal(states[row], packer.State);
            int[] again = new int[(rows - row) * length], behind = new int[(rows - row) * length];
            packer.Next(again, behind);
            Assert.Equal(inputs[(row * length)..], again);
            Assert.Equal(targets[(row * length)..], behind);
            Assert.Equal(whole.State, packer.State);
        }
    }

    [Fact]
    public void A_row_allocates_nothing()
    {
        var packer = new BestFitPacker(TokenCorpus.Create(Vocabulary, Random(3000, 200, Vocabulary)), 0, 64);
        int[] inputs = new int[640], targets = new int[640];
        packer.Next(inputs, targets);
        long before = GC.GetAllocatedBytesForCurrentThread();
        packer.Next(inputs, targets);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        var corpus = TokenCorpus.Create(Vocabulary, [[1, 2], [3]]);
        Refused.As(ErrorCode.Argument, () => new BestFitPacker(new TokenCorpus(Vocabulary, []), 0, 4));
        Refused.As(ErrorCode.Argument, () => new BestFitPacker(corpus, Vocabulary, 4));
        Refused.As(ErrorCode.Argument, () => new BestFitPacker(corpus, 0, 0));
        Refused.As(ErrorCode.Argument, () => new BestFitPacker(corpus, 0, 4, refill: 0));
        Refused.As(ErrorCode.Argument, () => new BestFitPacker(corpus, 0, 4, bufferSize: 0));
        var packer = new BestFitPacker(corpus, 0, 4, 1, 2);
        Refused.As(ErrorCode.Shape, () => packer.Next(new int[8], new int[4]));
        Refused.As(ErrorCode.Shape, () => packer.Next(new int[6], new int[6]));
        long[] state = packer.State;
        Refused.As(ErrorCode.Shape, () => packer.Restore([1]));
        Refused.As(ErrorCode.Shape, () => packer.Restore([1, 1, 0, 0, 0]));
        Refused.As(ErrorCode.Argument, () => packer.Restore([3, 1]));
        Refused.As(ErrorCode.Argument, () => packer.Restore([0, 0]));
        Refused.As(ErrorCode.Argument, () => packer.Restore([0, 1, 2]));
        Assert.Equal(state, packer.State);
    }

    [Theory]
    [InlineData(300)]
    [InlineData(65536)]
    [InlineData(65537)]
    [InlineData(Tokenizer.MaxTokens)]
    public void A_corpus_gives_its_documents_back(int vocabulary)
    {
        int[][] texts = [[], .. Random(20, 9, vocabulary), [vocabulary - 1], [], []];
        var corpus = TokenCorpus.Create(vocabulary, texts);
        Assert.Equal(texts.Length, corpus.Count);
        Assert.Equal(texts.Sum(text => (long)text.Length), corpus.Tokens);
        for (int i = 0; i < texts.Length; i++)
        {
            int[] copy = new int[corpus.Length(i)];
            Assert.Equal(copy.Length, corpus.Copy(i, copy));
            Assert.Equal(texts[i], copy);
            int[] first = new int[2];
            Assert.Equal(texts[i][..corpus.Copy(i, first)], first[..Math.Min(2, texts[i].Length)]);
        }
        Refused.As(ErrorCode.Argument, () => corpus.Length(texts.Length));
        Refused.As(ErrorCode.Argument, () => corpus.Copy(-1, new int[1]));
        Refused.As(ErrorCode.Argument, () => TokenCorpus.Create(vocabulary, [[vocabulary]]));
    }

    [Fact]
    public void Shards_are_one_behind_the_other()
    {
        TokenShard Shard(params int[] texts) => new(Vocabulary,
            texts.SelectMany(text => new byte[] { (byte)text, 0 }).ToArray(), Enumerable.Range(0, texts.Length + 1).SelectMany(i => BitConverter.GetBytes((ulong)i)).ToArray());
        var corpus = new TokenCorpus(Vocabulary, [Shard(), Shard(5, 6), Shard(), Shard(), Shard(7), Shard()]);
        Assert.Equal(3, corpus.Count);
        int[] token = new int[1];
        Assert.Equal([5, 6, 7], Enumerable.Range(0, 3).Select(i => corpus.Copy(i, token) + token[0] - 1));
        Refused.As(ErrorCode.Argument, () => new TokenCorpus(Vocabulary + 1, [Shard(1)]));
    }

    [Fact]
    public void A_wrong_shard_is_refused()
    {
        byte[] Starts(params ulong[] starts) => [.. starts.SelectMany(BitConverter.GetBytes)];
        Refused.As(ErrorCode.Argument, () => new TokenShard(0, default, Starts(0)));
        Refused.As(ErrorCode.Shape, () => new TokenShard(10, new byte[3], Starts(0, 1)));
        Refused.As(ErrorCode.Shape, () => new TokenShard(10, new byte[2], new byte[7]));
        Refused.As(ErrorCode.Shape, () => new TokenShard(10, new byte[2], default));
        Refused.As(ErrorCode.Argument, () => new TokenShard(10, new byte[2], Starts(0, 2)));
        Refused.As(ErrorCode.Argument, () => new TokenShard(10, new byte[2], Starts(1, 1)));
        Refused.As(ErrorCode.Argument, () => new TokenShard(10, new byte[4], Starts(0, 3, 2)));
        Refused.As(ErrorCode.Argument, () => new TokenShard(10, new byte[] { 10, 0 }, Starts(0, 1)));
        Refused.As(ErrorCode.Argument, () => new TokenShard(100_000, new byte[] { 0, 0, 0, 255 }, Starts(0, 1)));
    }

    private static int[][] Random(int count, int most, int vocabulary)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, random.Next(most)).Select(_ => random.Next(vocabulary)).ToArray())];
    }

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];

    /// <summary>The formula of packing.json, word for word.</summary>
    private static IEnumerable<(int[] Row, int Epoch)> ByDefinition(int[][] documents, int bos, int length, int refill, int bufferSize)
    {
        var buffer = new List<int[]>();
        int next = 0, epoch = 1, last = 1;
        while (true)
        {
            var row = new List<int>();
            while (row.Count < length + 1)
            {
                while (buffer.Count < bufferSize)
                {
                    last = epoch;
                    int[][] some = documents[next..Math.Min(documents.Length, next + refill)];
                    buffer.AddRange(some.Select(document => (int[])[bos, .. document]));
                    next += some.Length;
                    if (next == documents.Length)
                    {
                        (next, epoch) = (0, epoch + 1);
                    }
                }
                int room = length + 1 - row.Count;
                int[] chosen = buffer.Where(document => document.Length <= room).MaxBy(document => document.Length) ?? buffer.MinBy(document => document.Length)!;
                buffer.RemoveAt(buffer.FindIndex(document => ReferenceEquals(document, chosen)));
                row.AddRange(chosen.Take(room));
            }
            yield return ([.. row], last);
        }
    }
}
