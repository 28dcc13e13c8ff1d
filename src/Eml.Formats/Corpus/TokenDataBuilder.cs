using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>
/// Makes the folder that <see cref="TokenData"/> opens. The texts are read twice, once to train the tokenizer and once to encode them; or
/// only once if there is a tokenizer. The same texts under the same names, and the same options, give the same bytes in every file.
/// </summary>
public sealed class TokenDataBuilder
{
    /// <summary>
    /// A Python program (with pyarrow) that prints the column "text" of the Parquet file that is its argument as .jsonl: no reader of
    /// Parquet works under Native AOT.
    /// </summary>
    public const string ParquetConverter =
        "import json, sys, pyarrow.parquet as p; [print(json.dumps({'text': t})) for b in p.ParquetFile(sys.argv[1]).iter_batches(columns=['text']) for t in b.column(0).to_pylist()]";

    /// <summary>Special tokens of a vocabulary that is trained; the first begins documents.</summary>
    private static readonly string[] s_special = ["<|reserved_0|>", "<|reserved_1|>", "<|reserved_2|>", "<|reserved_3|>"];

    private readonly TokenDataOptions _options;
    private readonly Action<TokenDataProgress>? _progress;
    private readonly Cancel? _cancel;
    private readonly List<CorpusSource> _training;
    private readonly List<CorpusSource> _validation;
    private readonly long _totalBytes;
    private BadLines _bad = new();
    private TokenDataPhase _phase;
    private long _documents;
    private long _bytesBefore; // of the files that are done

    private TokenDataBuilder(TokenDataOptions options, Action<TokenDataProgress>? progress, Cancel? cancel)
    {
        (_options, _progress, _cancel) = (options, progress, cancel);
        _training = CorpusSource.Find(options.Files);
        _validation = options.Validation is null ? [] : CorpusSource.Find([options.Validation]);
        _totalBytes = _training.Sum(source => source.Size) + _validation.Sum(source => source.Size);
    }

    /// <summary>The fewest tokens of a vocabulary: all bytes and the special tokens.</summary>
    public static int MinVocabulary => byte.MaxValue + 1 + s_special.Length;

    /// <summary>Makes a folder, which appears as a whole when all is done, or not at all.</summary>
    /// <param name="folder">Must not be there yet, or be empty.</param>
    /// <param name="options">The texts and the vocabulary.</param>
    /// <param name="progress">Is told how far it is, often.</param>
    /// <param name="cancel">Ends the work: nothing is left of it.</param>
    /// <returns>What was made; null if it was cancelled.</returns>
    public static TokenDataSummary? Build(string folder, TokenDataOptions options, Action<TokenDataProgress>? progress = null, Cancel? cancel = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.VocabularySize < MinVocabulary || options.VocabularySize > Tokenizer.MaxTokens)
        {
            throw new EmlException(ErrorCode.Argument,
                $"vocabulary: {options.VocabularySize} tokens; it must be {MinVocabulary} (all bytes and {s_special.Length} reserved ones) to {Tokenizer.MaxTokens}");
        }
        if (options.Tokenizer is { BosId: null })
        {
            throw new EmlException(ErrorCode.Argument, "tokenizer: it has no token that begins documents; use one that has");
        }
        var builder = new TokenDataBuilder(options, progress, cancel);
        return AtomicFile.Guard(folder, "write", () => InFolder(folder, builder.Build));
    }

    /// <summary>Does the work in a folder beside, which takes the name at the end.</summary>
    private static TokenDataSummary? InFolder(string folder, Func<string, TokenDataSummary?> work)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
        {
            throw new EmlException(ErrorCode.Io, $"cannot write {folder}: it is there already and not an empty folder; remove it or give another name");
        }
        if (Path.GetDirectoryName(target) is not { } parent || !Directory.Exists(parent))
        {
            throw new EmlException(ErrorCode.Io, $"cannot write {folder}: the folder that it should be in does not exist; create that first");
        }
        string temporary = Path.Join(parent, $".eml-{Guid.NewGuid():N}.tmp");
        try
        {
            Directory.CreateDirectory(temporary);
            TokenDataSummary? summary = work(temporary);
            if (summary is not null)
            {
                if (Directory.Exists(target))
                {
                    Directory.Delete(target);
                }
                Directory.Move(temporary, target);
            }
            return summary;
        }
        finally
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    private TokenDataSummary? Build(string folder)
    {
        List<CorpusFacts>? counted = null;
        Tokenizer? tokenizer = _options.Tokenizer;
        if (tokenizer is null)
        {
            var trainer = new TokenizerTrainer();
            long documents = 0;
            counted = ReadAll(TokenDataPhase.Count, (document, validation) =>
            {
                if (!validation)
                {
                    documents++;
                    trainer.Add(TextCutter.First(document, TextCutter.MaxCharacters));
                }
            });
            if (counted is null)
            {
                return null;
            }
            CheckDocuments(documents);
            tokenizer = Train(trainer);
            if (tokenizer is null)
            {
                return null;
            }
        }

        var train = new TokenPart(folder, TokenData.TrainFiles, tokenizer.VocabularySize, _options.ShardBytes);
        var validation = new TokenPart(folder, TokenData.ValidationFile, tokenizer.VocabularySize, int.MaxValue);
        var encoder = new TokenEncoder(tokenizer, train, validation);
        List<CorpusFacts>? facts = ReadAll(TokenDataPhase.Encode, encoder.Add);
        if (facts is null)
        {
            return null;
        }
        encoder.Finish();
        CheckDocuments(train.Documents);
        CheckSame(counted, facts);
        train.Finish();
        validation.Finish();

        byte[] json = TokenizerFile.Write(tokenizer, TokenizerFormat.Json);
        AtomicFile.Write(Path.Join(folder, TokenData.TokenizerName), json);
        AtomicFile.Write(Path.Join(folder, TokenData.TokenBytesName), TokenDataJson.TokenBytes(tokenizer));
        AtomicFile.Write(Path.Join(folder, TokenData.ManifestName), TokenDataJson.Manifest(tokenizer, Sha256.Hex(json), _options, train, validation,
            facts[.._training.Count], facts[_training.Count..], _bad));
        return new TokenDataSummary(tokenizer, train.Summary, validation.Summary, _bad.Count, _bad.First);
    }

    private Tokenizer? Train(TokenizerTrainer trainer)
    {
        int wanted = _options.VocabularySize - MinVocabulary;
        TokenizerMerge[] merges = trainer.FindMerges(wanted,
            (number, _) => _progress?.Invoke(new TokenDataProgress(TokenDataPhase.Merge, _documents, _totalBytes, _totalBytes, number + 1, wanted)), _cancel);
        return _cancel is { IsSet: true } ? null : TokenizerTrainer.Make(merges, s_special, $"bpe-{byte.MaxValue + 1 + merges.Length + s_special.Length}");
    }

    private delegate void SplitListener(ReadOnlySpan<byte> document, bool validation);

    /// <summary>Reads all files; null if it was cancelled.</summary>
    private List<CorpusFacts>? ReadAll(TokenDataPhase phase, SplitListener listener)
    {
        (_phase, _documents, _bytesBefore, _bad) = (phase, 0, 0, new BadLines());
        var reader = new CorpusReader(_bad, Tell, _cancel);
        var facts = new List<CorpusFacts>();
        foreach (CorpusSource source in (IEnumerable<CorpusSource>)[.. _training, .. _validation])
        {
            bool validates = facts.Count >= _training.Count;
            CorpusFacts? file = reader.Read(source, document =>
            {
                _documents++;
                listener(document, validates || (_options.Validation is null && TokenData.IsValidation(document)));
            });
            if (file is null)
            {
                return null;
            }
            facts.Add(file);
            _bytesBefore += file.Bytes;
        }
        return facts;
    }

    private void Tell(long bytes) => _progress?.Invoke(new TokenDataProgress(_phase, _documents, _bytesBefore + bytes, _totalBytes, 0, 0));

    private void CheckDocuments(long documents)
    {
        if (documents == 0)
        {
            throw new EmlException(ErrorCode.Argument,
                $"the texts have no document to train on; {(_bad.Count > 0 ? $"{_bad.Count} lines are bad, the first is {_bad.First[0].Path}, line {_bad.First[0].Line}: {_bad.First[0].Reason}" : "they are empty")}");
        }
    }

    private static void CheckSame(List<CorpusFacts>? counted, List<CorpusFacts> facts)
    {
        for (int i = 0; i < counted?.Count; i++)
        {
            if (counted[i].Hash != facts[i].Hash)
            {
                throw new EmlException(ErrorCode.Io, $"{facts[i].Source.Path}: the file changed while it was being read; run again when nobody writes into it");
            }
        }
    }
}
