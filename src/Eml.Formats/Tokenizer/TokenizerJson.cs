using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// tokenizer.json: tokens in base64 by rank, special tokens, split pattern; and the merges that made the tokens, which
/// encoding does not need but which must agree with them.
/// </summary>
internal static class TokenizerJson
{
    private const string Kind = "byte-level BPE, tiktoken rank semantics";

    private static readonly string[] s_fields =
        ["name", "kind", "pattern", "vocab_size", "n_mergeable", "special_tokens", "bos_token", "tokens_base64", "merges"];

    public static Tokenizer Read(JsonValue root)
    {
        JsonMembers members = root.Members("the tokenizer", FormatError.Kind);
        if (!members.Has("tokens_base64") && members.Has("model"))
        {
            throw new EmlException(FormatError.Kind, root.Offset,
                $"tokenizer: the object at byte {root.Offset} has a \"model\": it is a tokenizer.json of Hugging Face's tokenizers, which is not read here; " +
                "give a .tiktoken file, or a tokenizer.json with \"tokens_base64\", \"special_tokens\" and \"pattern\"");
        }
        members.RefuseOthers(s_fields);
        if (members.TryGet("kind", out JsonValue kind) && kind.Text("kind") != Kind)
        {
            throw new EmlException(FormatError.Kind, kind.Offset,
                $"tokenizer: kind at byte {kind.Offset} is {StrictJson.Quoted(kind.Text("kind"))}; it must be \"{Kind}\"");
        }
        JsonValue pattern = members["pattern"];
        string patternText = pattern.Text("pattern");
        if (patternText != Tokenizer.SplitPattern)
        {
            throw new EmlException(ErrorCode.Unsupported,
                $"tokenizer: pattern at byte {pattern.Offset} is {StrictJson.Quoted(patternText)}; this library splits text by {Tokenizer.SplitPattern} only");
        }

        List<byte[]> tokens = Tokens(members["tokens_base64"]);
        Dictionary<string, int> special = Special(members["special_tokens"]);
        CheckCount(members, "n_mergeable", tokens.Count);
        CheckCount(members, "vocab_size", tokens.Count + special.Count);
        if (members.TryGet("merges", out JsonValue merges))
        {
            CheckMerges(merges, tokens);
        }
        string? bos = members.TryGet("bos_token", out JsonValue bosToken) ? bosToken.Text("bos_token") : null;
        string name = members.TryGet("name", out JsonValue title) ? title.Text("name") : "";
        return RankList.Make(tokens, special, bos, patternText, name, root.Offset);
    }

    public static byte[] Write(Tokenizer tokenizer)
    {
        var text = new JsonText();
        Write(text, tokenizer);
        return text.ToArray();
    }

    public static void Write(JsonText text, Tokenizer tokenizer)
    {
        text.Raw("{"u8);
        if (tokenizer.Name.Length > 0)
        {
            text.Raw("\"name\":"u8).String(tokenizer.Name).Raw(","u8);
        }
        text.Raw("\"kind\":"u8).String(Kind).Raw(",\"pattern\":"u8).String(Tokenizer.SplitPattern);
        text.Raw(",\"vocab_size\":"u8).Integer(tokenizer.VocabularySize).Raw(",\"n_mergeable\":"u8).Integer(tokenizer.RankCount);
        text.Raw(",\"special_tokens\":{"u8);
        for (int i = 0; i < tokenizer.SpecialNames.Count; i++)
        {
            text.Raw(i > 0 ? ","u8 : ""u8).String(tokenizer.SpecialNames[i]).Raw(":"u8).Integer(tokenizer.RankCount + i);
        }
        text.Raw("}"u8);
        if (tokenizer.BosId is { } bos)
        {
            text.Raw(",\"bos_token\":"u8).String(tokenizer.SpecialNames[bos - tokenizer.RankCount]);
        }
        text.Raw(",\"tokens_base64\":["u8);
        for (int id = 0; id < tokenizer.RankCount; id++)
        {
            text.Raw(id > 0 ? ","u8 : ""u8).String(Convert.ToBase64String(tokenizer.TokenBytes(id)));
        }
        text.Raw("]"u8);
        if (tokenizer.FindMerges() is { } merges)
        {
            text.Raw(",\"merges\":["u8);
            for (int i = 0; i < merges.Length; i++)
            {
                text.Raw(i > 0 ? ","u8 : ""u8).Integers([merges[i].Left, merges[i].Right]);
            }
            text.Raw("]"u8);
        }
        text.Raw("}"u8);
    }

    private static List<byte[]> Tokens(JsonValue array)
    {
        if (!array.IsArray)
        {
            throw array.Wrong(FormatError.Value, "tokens_base64", "an array of strings");
        }
        var ranks = new RankList();
        ulong rank = 0;
        for (JsonItems items = array.Items(); items.Next(); rank++)
        {
            string place = $"tokens_base64[{rank}]";
            ranks.Add(items.Value.Text(place), rank, place, items.Value.Offset);
        }
        return ranks.ToList(array.Offset);
    }

    private static Dictionary<string, int> Special(JsonValue map)
    {
        if (!map.IsObject)
        {
            throw map.Wrong(FormatError.Value, "special_tokens", "an object of names and ids");
        }
        var tokens = new Dictionary<string, int>(StringComparer.Ordinal);
        for (JsonItems items = map.Items(); items.Next();)
        {
            ulong id = items.Value.Unsigned("special_tokens." + items.Key);
            if (id >= Tokenizer.MaxTokens)
            {
                throw new EmlException(FormatError.Value, items.Value.Offset,
                    $"tokenizer: special_tokens: {StrictJson.Quoted(items.Key)} at byte {items.Value.Offset} has the id {id}; ids are below {Tokenizer.MaxTokens}");
            }
            tokens.Add(items.Key, (int)id);
        }
        return tokens;
    }

    private static void CheckCount(JsonMembers members, string name, int count)
    {
        if (members.TryGet(name, out JsonValue value) && value.Unsigned(name) is var said && said != (ulong)count)
        {
            throw new EmlException(FormatError.Value, value.Offset,
                $"tokenizer: {name} at byte {value.Offset} is {said}; the tokens in the file make it {count}");
        }
    }

    /// <summary>The merges make the tokens of more than one byte, in their order, of tokens before them.</summary>
    private static void CheckMerges(JsonValue array, List<byte[]> tokens)
    {
        if (!array.IsArray)
        {
            throw array.Wrong(FormatError.Value, "merges", "an array of pairs");
        }
        int id = 0, merge = 0;
        Span<ulong> pair = stackalloc ulong[2];
        for (JsonItems items = array.Items(); items.Next(); id++, merge++)
        {
            while (id < tokens.Count && tokens[id].Length == 1)
            {
                id++;
            }
            JsonValue value = items.Value;
            ReadPair(value, merge, pair);
            bool right = id < tokens.Count && pair[0] < (ulong)id && pair[1] < (ulong)id
                && Joined(tokens[(int)pair[0]], tokens[(int)pair[1]], tokens[id]);
            if (!right)
            {
                throw new EmlException(FormatError.Value, value.Offset, id < tokens.Count
                    ? $"tokenizer: merges[{merge}] at byte {value.Offset} joins {pair[0]} and {pair[1]}, which do not make tokens_base64[{id}] of earlier tokens"
                    : $"tokenizer: merges[{merge}] at byte {value.Offset} has no token; there must be one merge for each token of more than one byte");
            }
        }
        if (tokens.FindIndex(id, token => token.Length > 1) is var missing && missing >= 0)
        {
            throw new EmlException(FormatError.Value, array.Offset,
                $"tokenizer: merges at byte {array.Offset} has {merge} pairs and none for tokens_base64[{missing}]; there must be one for each token of more than one byte");
        }
    }

    private static void ReadPair(JsonValue value, int merge, Span<ulong> pair)
    {
        int count = 0;
        for (JsonItems items = value.IsArray ? value.Items() : throw value.Wrong(FormatError.Value, $"merges[{merge}]", "a pair of ids"); items.Next(); count++)
        {
            if (count < pair.Length)
            {
                pair[count] = items.Value.Unsigned($"merges[{merge}][{count}]");
            }
        }
        if (count != pair.Length)
        {
            throw new EmlException(FormatError.Value, value.Offset, $"tokenizer: merges[{merge}] at byte {value.Offset} has {count} elements; it must be a pair of ids");
        }
    }

    private static bool Joined(byte[] left, byte[] right, byte[] token) =>
        left.Length + right.Length == token.Length && token.AsSpan().StartsWith(left) && token.AsSpan().EndsWith(right);
}
