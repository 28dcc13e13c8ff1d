using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>What a shard holds.</summary>
internal readonly record struct TokenShardSize(ulong Documents, ulong Tokens);

/// <summary>What a reader needs of data.json.</summary>
internal sealed record TokenDataFacts(string TokenizerHash, IReadOnlyList<TokenShardSize> Train, TokenShardSize Validation);

/// <summary>The JSON files of a data folder. No time, place or machine is in them: the same texts give the same bytes.</summary>
internal static class TokenDataJson
{
    private const string Kind = "eml-token-data";
    private const ulong Version = 1;

    public static byte[] Manifest(Tokenizer tokenizer, string tokenizerHash, TokenDataOptions options, TokenPart train, TokenPart validation,
        IReadOnlyList<CorpusFacts> trainingSources, IReadOnlyList<CorpusFacts> validationSources, BadLines bad)
    {
        var text = new JsonText();
        text.Raw("{\n\"kind\":"u8).String(Kind).Raw(",\"version\":"u8).Unsigned(Version);
        text.Raw(",\n\"tokenizer\":{\"file\":"u8).String(TokenData.TokenizerName).Raw(",\"sha256\":"u8).String(tokenizerHash);
        text.Raw(",\"vocabulary\":"u8).Integer(tokenizer.VocabularySize).Raw(",\"bos\":"u8).Integer(tokenizer.BosId!.Value);
        text.Raw(",\"trained\":"u8).Boolean(options.Tokenizer is null).Raw("}"u8);
        text.Raw(",\n\"settings\":{"u8);
        if (options.Tokenizer is null)
        {
            text.Raw("\"vocabulary\":"u8).Integer(options.VocabularySize).Raw(",\"tokenizer_characters\":"u8).Integer(TextCutter.MaxCharacters).Raw(","u8);
        }
        text.Raw("\"text_characters\":"u8).Integer(TextCutter.MaxCharacters).Raw(",\"shard_bytes\":"u8).Integer(options.ShardBytes);
        text.Raw(",\"validation\":"u8).String(options.Validation is null ? TokenData.SplitRule : "the files that are named for it").Raw("}"u8);
        text.Raw(",\n\"token_size\":"u8).Integer(TokenShard.TokenSize(tokenizer.VocabularySize));
        Part(text.Raw(",\n\"train\":"u8), train);
        Part(text.Raw(",\n\"validation\":"u8), validation);
        text.Raw(",\n\"sources\":{\"train\":["u8);
        Sources(text, trainingSources);
        text.Raw("],\"validation\":["u8);
        Sources(text, validationSources);
        text.Raw("]},\n\"bad_lines\":{\"count\":"u8).Unsigned((ulong)bad.Count).Raw(",\"first\":["u8);
        for (int i = 0; i < bad.First.Count; i++)
        {
            BadLine line = bad.First[i];
            text.Raw(i > 0 ? ",\n"u8 : "\n"u8).Raw("{\"file\":"u8).String(line.Name).Raw(",\"line\":"u8).Unsigned((ulong)line.Line);
            text.Raw(",\"reason\":"u8).String(line.Reason).Raw("}"u8);
        }
        return text.Raw("]}\n}\n"u8).ToArray();
    }

    public static TokenDataFacts Read(ReadOnlySpan<byte> manifest)
    {
        JsonMembers root = StrictJson.Parse(manifest, "data").Members("the manifest", FormatError.Kind);
        if (root["kind"] is var kind && kind.Text("kind") != Kind)
        {
            throw new EmlException(FormatError.Kind, kind.Offset, $"data: kind at byte {kind.Offset} is {StrictJson.Quoted(kind.Text("kind"))}; it must be \"{Kind}\"");
        }
        if (root["version"] is var version && version.Unsigned("version") != Version)
        {
            throw new EmlException(ErrorCode.Version, $"data: version {version.Unsigned("version")}; this library knows version {Version}: prepare the data anew");
        }
        string hash = root["tokenizer"].Members("tokenizer")["sha256"].Text("sha256");
        JsonValue train = root["train"], validation = root["validation"];
        List<TokenShardSize> trainShards = Shards(train, "train"), validationShards = Shards(validation, "validation");
        if (trainShards.Count == 0 || validationShards.Count != 1)
        {
            throw new EmlException(FormatError.Value, train.Offset,
                $"data: train at byte {train.Offset} has {trainShards.Count} shards and validation {validationShards.Count}; it must be one at least, and one");
        }
        return new TokenDataFacts(hash, trainShards, validationShards[0]);
    }

    /// <summary>Bytes of each token, as they are and as autoresearch's prepare.py counts them.</summary>
    public static byte[] TokenBytes(Tokenizer tokenizer) => new JsonText().Raw("{\"reference\":"u8).Integers(tokenizer.ReferenceByteLengths)
        .Raw(",\n\"raw\":"u8).Integers(tokenizer.RawByteLengths).Raw("}\n"u8).ToArray();

    private static void Part(JsonText text, TokenPart part)
    {
        text.Raw("{\"documents\":"u8).Unsigned((ulong)part.Documents).Raw(",\"tokens\":"u8).Unsigned((ulong)part.Tokens).Raw(",\"bytes\":"u8).Unsigned((ulong)part.Bytes);
        text.Raw(",\"shards\":["u8);
        for (int i = 0; i < part.Shards.Count; i++)
        {
            TokenShardFacts shard = part.Shards[i];
            text.Raw(i > 0 ? ",\n"u8 : "\n"u8).Raw("{\"file\":"u8).String(shard.File).Raw(",\"documents\":"u8).Integer(shard.Documents);
            text.Raw(",\"tokens\":"u8).Integer(shard.Tokens).Raw(",\"sha256\":"u8).String(shard.Hash).Raw("}"u8);
        }
        text.Raw("]}"u8);
    }

    private static void Sources(JsonText text, IReadOnlyList<CorpusFacts> sources)
    {
        for (int i = 0; i < sources.Count; i++)
        {
            CorpusFacts source = sources[i];
            text.Raw(i > 0 ? ",\n"u8 : "\n"u8).Raw("{\"file\":"u8).String(source.Source.Name).Raw(",\"bytes\":"u8).Unsigned((ulong)source.Bytes);
            text.Raw(",\"sha256\":"u8).String(source.Hash).Raw(",\"documents\":"u8).Unsigned((ulong)source.Documents).Raw("}"u8);
        }
    }

    private static List<TokenShardSize> Shards(JsonValue part, string name)
    {
        var shards = new List<TokenShardSize>();
        JsonValue list = part.Members(name)["shards"];
        if (!list.IsArray)
        {
            throw list.Wrong(FormatError.Value, $"{name}.shards", "an array");
        }
        for (JsonItems items = list.Items(); items.Next();)
        {
            JsonMembers shard = items.Value.Members($"{name}.shards[{shards.Count}]");
            shards.Add(new TokenShardSize(shard["documents"].Unsigned("documents"), shard["tokens"].Unsigned("tokens")));
        }
        return shards;
    }
}
