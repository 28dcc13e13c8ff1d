using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Eml.Formats;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;
using Eml.Tests.Formats;
using Xunit.Abstractions;

namespace Eml.Tests.Language;

/// <summary>Texts become a folder of training data.</summary>
public sealed class TokenDataTests(ITestOutputHelper output) : IDisposable
{
    private static readonly string s_texts = Path.GetDirectoryName(Eml.Tests.Golden.PathOf("lm/prepare", "pages.txt"))!;

    private readonly string _folder = Directory.CreateTempSubdirectory("eml-data-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Documents_come_back_and_bad_lines_are_named()
    {
        TokenDataSummary made = Build("a", new TokenDataOptions { Files = [s_texts], VocabularySize = 300 });
        TokenData data = TokenData.Open(At("a"));
        string[] expected =
        [
            "The first line is a document; it says “good morning”.",
            "Tabs\tand \"quotes\" are escaped, and so is é.",
            "The last line has no line end.",
            "The cat sat on the mat.\n\nThe hat was on the cat.\n",
            "The second page: the mat, the hat, the cat.\nÄpfel und Öl.\n",
            "The third page is short.\nIt ends here, the cat and the mat.\n",
        ];
        Assert.Equal(expected, Texts(data.Tokenizer, data.Train));
        Assert.Equal(0, data.Validation.Count);
        Assert.Equal(300, data.Tokenizer.VocabularySize);
        Assert.Equal(296, data.Tokenizer.BosId);
        Assert.Equal(new TokenDataPart(6, data.Train.Tokens, expected.Sum(Encoding.UTF8.GetByteCount), 1), made.Train);
        Assert.Equal([("lines.jsonl", 2L), ("lines.jsonl", 3L), ("lines.jsonl", 5L), ("lines.jsonl", 7L), ("lines.jsonl", 8L), ("lines.jsonl", 10L), ("pages.txt", 9L)],
            made.BadLines.Select(line => (line.Name, line.Line)));
        Assert.Equal(7, made.BadLineCount);

        JsonElement manifest = JsonDocument.Parse(data.Manifest).RootElement;
        Assert.Equal(7, manifest.At("bad_lines").Int("count"));
        Assert.Equal(data.Train.Tokens, manifest.At("train").Int("tokens"));
        JsonElement source = manifest.At("sources").At("train")[0];
        Assert.Equal("lines.jsonl", source.Text("file"));
        Assert.Equal(Sha256.Hex(File.ReadAllBytes(Path.Join(s_texts, "lines.jsonl"))), source.Text("sha256"));
        JsonElement bytes = JsonDocument.Parse(File.ReadAllBytes(Path.Join(At("a"), "token_bytes.json"))).RootElement;
        Assert.Equal(data.Tokenizer.RawByteLengths.ToArray(), bytes.Ints("raw"));
        Assert.Equal(data.Tokenizer.ReferenceByteLengths.ToArray(), bytes.Ints("reference"));
    }

    [Fact]
    public void The_same_texts_give_the_same_bytes()
    {
        var options = new TokenDataOptions { Files = [s_texts], VocabularySize = 320, ShardBytes = 60 };
        Build("a", options);
        string copy = Directory.CreateDirectory(At("elsewhere")).FullName;
        foreach (string file in Directory.GetFiles(s_texts))
        {
            File.Copy(file, Path.Join(copy, Path.GetFileName(file)));
        }
        Build("b", options with { Files = [copy] });
        string[] files = [.. Directory.GetFiles(At("a")).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];
        Assert.Equal(files, Directory.GetFiles(At("b")).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        Assert.Contains("train-00001.tok", files);
        Assert.All(files, file => Assert.Equal(File.ReadAllBytes(Path.Join(At("a"), file)), File.ReadAllBytes(Path.Join(At("b"), file))));
        Assert.Equal(6, TokenData.Open(At("a")).Train.Count);
    }

    [Fact]
    public void The_corpus_is_cut_and_split_and_loses_nothing()
    {
        string corpus = Eml.Tests.Golden.PathOf("lm/corpus", "train.txt");
        if (!File.Exists(corpus))
        {
            output.WriteLine("skipped golden: the corpus is in the full set only");
            return;
        }
        Build("a", new TokenDataOptions { Files = [corpus], VocabularySize = 1024 });
        TokenData data = TokenData.Open(At("a"));
        List<string> train = Texts(data.Tokenizer, data.Train), validation = Texts(data.Tokenizer, data.Validation);
        Assert.All(train, text => Assert.InRange(text.Length, 1, TextCutter.MaxCharacters));
        Assert.All(train, text => Assert.False(TokenData.IsValidation(Encoding.UTF8.GetBytes(text))));
        Assert.Empty(validation); // so it is, by their hashes
        var whole = new List<string>();
        var cutter = new TextCutter(document => whole.Add(Encoding.UTF8.GetString(document)));
        byte[] bytes = File.ReadAllBytes(corpus);
        for (int at = 0; at < bytes.Length; at += 777) // ASCII
        {
            cutter.Add(bytes.AsSpan(at, Math.Min(777, bytes.Length - at)));
        }
        cutter.Finish();
        Assert.Equal(File.ReadAllText(corpus).Replace("\f", "", StringComparison.Ordinal), string.Concat(whole));
        Assert.Equal(whole.Where(text => !TokenData.IsValidation(Encoding.UTF8.GetBytes(text))), train);

        // The merges are those of the same documents in memory.
        var trainer = new TokenizerTrainer();
        train.ForEach(text => trainer.Add(Encoding.UTF8.GetBytes(text)));
        Assert.Equal(trainer.FindMerges(1024 - TokenDataBuilder.MinVocabulary).Select(merge => (merge.Left, merge.Right)), data.Tokenizer.FindMerges()!);
    }

    [Fact]
    public void One_document_in_a_hundred_is_put_aside_whatever_stands_around_it()
    {
        const string known = "document 138"; // its SHA-256 begins with 0xbe6984024921fd84
        string[] texts = [.. Enumerable.Range(0, 3000).Select(i => $"document {i}")];
        Write("all.txt", string.Join('\f', texts));
        Build("a", new TokenDataOptions { Files = [At("all.txt")], VocabularySize = 300 });
        TokenData data = TokenData.Open(At("a"));
        List<string> validation = Texts(data.Tokenizer, data.Validation);
        Assert.InRange(validation.Count, 15, 50);
        Assert.Equal(texts, Texts(data.Tokenizer, data.Train).Concat(validation).OrderBy(text => int.Parse(text.AsSpan(9), System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Contains(known, validation);
        Write("few.txt", $"another text\f{known}");
        Build("b", new TokenDataOptions { Files = [At("few.txt")], VocabularySize = 262 });
        data = TokenData.Open(At("b"));
        Assert.Equal([known], Texts(data.Tokenizer, data.Validation));
    }

    [Fact]
    public void A_tokenizer_and_a_text_for_validation_can_be_given()
    {
        Write("val.txt", "hello\fworld");
        Write("train.txt", "train me");
        TokenDataSummary made = Build("a", new TokenDataOptions { Files = [At("train.txt")], Validation = At("val.txt"), Tokenizer = TokenizerCases.Golden });
        TokenData data = TokenData.Open(At("a"));
        Assert.Equal(8192, data.Tokenizer.VocabularySize);
        Assert.Equal(["train me"], Texts(data.Tokenizer, data.Train));
        Assert.Equal(["hello", "world"], Texts(data.Tokenizer, data.Validation));
        Assert.Equal(2, made.Validation.Documents);
    }

    [Fact]
    public void Gzip_is_read_and_a_damaged_one_refused()
    {
        byte[] lines = File.ReadAllBytes(Path.Join(s_texts, "lines.jsonl"));
        var zipped = new MemoryStream();
        using (var zip = new GZipStream(zipped, CompressionLevel.Optimal, leaveOpen: true))
        {
            zip.Write(lines);
        }
        File.WriteAllBytes(At("lines.jsonl.gz"), zipped.ToArray());
        Build("a", new TokenDataOptions { Files = [At("lines.jsonl.gz")], VocabularySize = 270 });
        Build("b", new TokenDataOptions { Files = [Path.Join(s_texts, "lines.jsonl")], VocabularySize = 270 });
        Assert.Equal(File.ReadAllBytes(Path.Join(At("a"), "train-00000.tok")), File.ReadAllBytes(Path.Join(At("b"), "train-00000.tok")));
        byte[] damaged = zipped.ToArray();
        damaged[^5] ^= 1;
        File.WriteAllBytes(At("damaged.jsonl.gz"), damaged);
        Assert.Contains("damaged.jsonl.gz", Refuse(FormatError.Value, new TokenDataOptions { Files = [At("damaged.jsonl.gz")] }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_few_pairs_end_the_training_early()
    {
        Write("few.txt", "aaaa");
        TokenDataSummary made = Build("a", new TokenDataOptions { Files = [At("few.txt")], VocabularySize = 8192 });
        Assert.Equal(262, made.Tokenizer.VocabularySize); // aa and aaaa
        Assert.Equal(["aaaa"], Texts(made.Tokenizer, TokenData.Open(At("a")).Train));
    }

    [Fact]
    public void Long_texts_are_cut_at_borders()
    {
        string paragraph = new string('x', 3000) + "\n\n", line = new string('y', 3000) + "\n", none = new string('é', 25_000);
        Assert.Equal([9006, 3002], Cut(string.Concat(Enumerable.Repeat(paragraph, 4))));
        Assert.Equal([9003, 3001], Cut(string.Concat(Enumerable.Repeat(line, 4))));
        Assert.Equal([10_000, 10_000, 5_000], Cut(none));
        Assert.Equal([10_000, 2], Cut("t\n\n" + none[..9_999]));
        Assert.Equal([9009, 3003], Cut(string.Concat(Enumerable.Repeat(new string('x', 2999) + "\r\n\r\n", 4))));
        Assert.Equal([1, 1], Cut("a\f\f \n\fb"));
        Assert.Equal([], Cut(""));
    }

    [Fact]
    public void Lines_come_whole_or_cut_between_characters()
    {
        byte[] text = Encoding.UTF8.GetBytes("\uFEFFab\n\ncdefgh€€€€\n😀😀😀x");
        foreach (int piece in (int[])[1, 2, 3, 64])
        {
            var reader = new LineReader(new Drip(text, piece), 8);
            var lines = new List<(long, bool, string)>();
            while (reader.Next(out ReadOnlySpan<byte> line))
            {
                lines.Add((reader.Line, reader.IsCut, Encoding.UTF8.GetString(line)));
            }
            Assert.Equal([(1, false, "ab\n"), (2, false, "\n"), (3, true, "cdefgh"), (3, true, "€€"), (3, false, "€€\n"), (4, true, "😀😀"), (4, false, "😀x")], lines);
        }
    }

    [Fact]
    public void What_cannot_be_used_is_refused_and_leaves_nothing()
    {
        Write("a.txt", "text");
        Write("a.md", "text");
        Write("a.parquet", "PAR1");
        Write("empty.txt", " \n");
        Write("bad.jsonl", "nonsense");
        Directory.CreateDirectory(At("none"));
        Refuse(ErrorCode.Argument, new TokenDataOptions { Files = [At("a.md")] });
        Assert.Contains("a.parquet > ", Refuse(ErrorCode.Unsupported, new TokenDataOptions { Files = [At("a.parquet")] }).Message, StringComparison.Ordinal);
        Refuse(ErrorCode.Unsupported, new TokenDataOptions { Files = [_folder] });
        Refuse(ErrorCode.Argument, new TokenDataOptions { Files = [At("none")] });
        Refuse(ErrorCode.Io, new TokenDataOptions { Files = [At("missing.txt")] });
        Refuse(ErrorCode.Argument, new TokenDataOptions { Files = [At("empty.txt")] });
        Assert.Contains("bad.jsonl, line 1", Refuse(ErrorCode.Argument, new TokenDataOptions { Files = [At("bad.jsonl")] }).Message, StringComparison.Ordinal);
        Refuse(ErrorCode.Argument, new TokenDataOptions { Files = [At("a.txt")], VocabularySize = 259 });
        Refuse(ErrorCode.Argument, new TokenDataOptions { Files = [At("a.txt")], Tokenizer = TokenizerTrainer.Make([], []) });
        Refused.As(ErrorCode.Io, () => Build("none/deep/a", new TokenDataOptions { Files = [At("a.txt")] }));
        var cancel = new Cancel();
        Assert.Null(TokenDataBuilder.Build(At("new"), new TokenDataOptions { Files = [At("a.txt")] }, _ => cancel.Set(), cancel));
        Assert.False(Directory.Exists(At("new")));
        Build("none", new TokenDataOptions { Files = [At("a.txt")] });
        Refused.As(ErrorCode.Io, () => Build("none", new TokenDataOptions { Files = [At("a.txt")] }));
        Assert.Empty(Directory.GetDirectories(_folder, ".eml-*"));
    }

    [Fact]
    public void A_folder_that_was_changed_is_refused()
    {
        Build("a", new TokenDataOptions { Files = [s_texts], VocabularySize = 300 });
        string manifest = Path.Join(At("a"), "data.json"), tokenizer = Path.Join(At("a"), "tokenizer.json"), shard = Path.Join(At("a"), "train-00000.tok");
        void Changed(ErrorCode code, string path, Func<byte[], byte[]> change)
        {
            byte[] bytes = File.ReadAllBytes(path);
            File.WriteAllBytes(path, change(bytes));
            Assert.Contains(Path.GetFileName(path), Refused.As(code, () => TokenData.Open(At("a"))).Message, StringComparison.Ordinal);
            File.WriteAllBytes(path, bytes);
        }

        string text = File.ReadAllText(manifest);
        Changed(ErrorCode.State, tokenizer, bytes => [.. bytes, (byte)'\n']);
        Changed(ErrorCode.Format, shard, bytes => bytes[..^1]);
        Changed(ErrorCode.State, shard, _ => File.ReadAllBytes(Path.Join(At("a"), "val.tok")));
        Changed(ErrorCode.Format, manifest, bytes => bytes[..^3]);
        Changed(ErrorCode.Format, manifest, _ => Encoding.UTF8.GetBytes(text.Replace("eml-token-data", "other", StringComparison.Ordinal)));
        Changed(ErrorCode.Version, manifest, _ => Encoding.UTF8.GetBytes(text.Replace("\"version\":1", "\"version\":2", StringComparison.Ordinal)));
        Changed(ErrorCode.Format, manifest, _ => Encoding.UTF8.GetBytes(text.Replace("\"shards\"", "\"parts\"", StringComparison.Ordinal)));
        TokenData.Open(At("a"));
        File.Delete(shard);
        Refused.As(ErrorCode.Io, () => TokenData.Open(At("a")));
    }

    private TokenDataSummary Build(string folder, TokenDataOptions options) => TokenDataBuilder.Build(At(folder), options)!;

    private EmlException Refuse(ErrorCode code, TokenDataOptions options)
    {
        EmlException e = Refused.As(code, () => Build("refused", options));
        Assert.False(Directory.Exists(At("refused")));
        return e;
    }

    private EmlException Refuse(FormatError error, TokenDataOptions options)
    {
        EmlException e = Refuse(ErrorCode.Format, options);
        Assert.Equal((int)error, e.SubCode);
        return e;
    }

    private string At(string name) => Path.Join(_folder, name);

    private void Write(string name, string text) => File.WriteAllText(At(name), text);

    private static List<int> Cut(string text)
    {
        var lengths = new List<int>();
        var cutter = new TextCutter(document => lengths.Add(Encoding.UTF8.GetCharCount(document)));
        cutter.Add(Encoding.UTF8.GetBytes(text));
        cutter.Finish();
        return lengths;
    }

    private static List<string> Texts(Tokenizer tokenizer, TokenCorpus corpus)
    {
        var texts = new List<string>();
        for (int i = 0; i < corpus.Count; i++)
        {
            int[] ids = new int[corpus.Length(i)];
            corpus.Copy(i, ids);
            texts.Add(tokenizer.Decode(ids));
        }
        return texts;
    }

    /// <summary>A stream that gives a few bytes at a time.</summary>
    private sealed class Drip(byte[] bytes, int piece) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, piece));
    }
}
