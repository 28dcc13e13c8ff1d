using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>
/// A folder of training data: tokenizer.json; token_bytes.json, the bytes of each token (which the tokenizer tells, too);
/// train-00000.tok, train-00001.tok, … and val.tok, documents as tokens; data.json, which says what they were made of and how.
/// </summary>
public sealed class TokenData
{
    /// <summary>How documents come to validation if no text was named for it.</summary>
    public const string SplitRule = "SHA-256 of the document's bytes: the first 8 bytes, big-endian, modulo 100 are 0";

    internal const string TokenizerName = "tokenizer.json", TokenBytesName = "token_bytes.json", ManifestName = "data.json";

    internal const string TrainFiles = "train-{0:00000}.tok", ValidationFile = "val.tok";

    private const int MaxManifest = 1 << 26;
    private const int Parts = 100;

    private TokenData(Tokenizer tokenizer, TokenCorpus train, TokenCorpus validation, string manifest) =>
        (Tokenizer, Train, Validation, Manifest) = (tokenizer, train, validation, manifest);

    /// <summary>What the documents were encoded with; it has a token that begins documents.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Documents to train on: one at least.</summary>
    public TokenCorpus Train { get; }

    /// <summary>Documents to measure by; there may be none.</summary>
    public TokenCorpus Validation { get; }

    /// <summary>data.json.</summary>
    public string Manifest { get; }

    /// <summary>Opens a folder. The documents are mapped, not read; all of them are checked. The files must not change while they are used.</summary>
    /// <exception cref="EmlException">A file cannot be read, is damaged or does not belong to the others; the message says which and where.</exception>
    public static TokenData Open(string folder)
    {
        string path = Path.Join(folder, ManifestName);
        byte[] manifest = AtomicFile.Read(path, MaxManifest), tokenizerBytes = AtomicFile.Read(Path.Join(folder, TokenizerName), TokenizerFile.MaxBytes);
        TokenDataFacts facts = Named(path, () => TokenDataJson.Read(manifest));
        if (Sha256.Hex(tokenizerBytes) is var hash && hash != facts.TokenizerHash)
        {
            throw new EmlException(ErrorCode.State, $"{Path.Join(folder, TokenizerName)}: its SHA-256 is {hash}; {ManifestName} asks for {facts.TokenizerHash}: prepare the data anew");
        }
        Tokenizer tokenizer = Named(Path.Join(folder, TokenizerName), () => TokenizerFile.Read(tokenizerBytes));
        if (tokenizer.BosId is null)
        {
            throw new EmlException(ErrorCode.State, $"{Path.Join(folder, TokenizerName)}: it has no token that begins documents; prepare the data anew");
        }
        TokenShard[] train = [.. facts.Train.Select((shard, i) => Open(folder, string.Format(CultureInfo.InvariantCulture, TrainFiles, i), shard, tokenizer))];
        TokenShard validation = Open(folder, ValidationFile, facts.Validation, tokenizer);
        return new TokenData(tokenizer, new TokenCorpus(tokenizer.VocabularySize, train), new TokenCorpus(tokenizer.VocabularySize, [validation]),
            Encoding.UTF8.GetString(manifest));
    }

    /// <summary>True if <see cref="SplitRule"/> puts a document aside.</summary>
    internal static bool IsValidation(ReadOnlySpan<byte> document) => BinaryPrimitives.ReadUInt64BigEndian(Sha256.Of(document)) % Parts == 0;

    private static TokenShard Open(string folder, string file, TokenShardSize size, Tokenizer tokenizer)
    {
        string path = Path.Join(folder, file);
        TokenShard shard = TokenShardFile.Open(path);
        if ((ulong)shard.Count != size.Documents || (ulong)shard.Tokens != size.Tokens || shard.VocabularySize != tokenizer.VocabularySize)
        {
            throw new EmlException(ErrorCode.State,
                $"{path}: it has {shard.Count} documents of {shard.Tokens} tokens and a vocabulary of {shard.VocabularySize}; {ManifestName} asks for " +
                $"{size.Documents} of {size.Tokens} and the tokenizer for {tokenizer.VocabularySize}: prepare the data anew");
        }
        return shard;
    }

    private static T Named<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (EmlException e) when (e.Code == ErrorCode.Format)
        {
            throw new EmlException((FormatError)e.SubCode, e.ByteOffset, $"{path}: {e.Message}");
        }
        catch (EmlException e) when (e.Code is ErrorCode.Unsupported or ErrorCode.Limit or ErrorCode.Version)
        {
            throw new EmlException(e.Code, $"{path}: {e.Message}");
        }
    }
}
