using System.Text;
using System.Text.Json.Nodes;
using Eml.Formats;
using Eml.Language;
using Eml.Numerics;
using Eml.Tests.Formats;

namespace Eml.Tests.Language;

/// <summary>tokenizer.json and .tiktoken, also hostile ones.</summary>
public class TokenizerFileTests
{
    [Fact]
    public void A_tiktoken_file_comes_back_byte_for_byte()
    {
        byte[] file = TokenizerCases.Bytes("tokenizer.tiktoken");
        Assert.Equal(file, TokenizerFile.Write(TokenizerFile.Read(file), TokenizerFormat.Tiktoken));
    }

    [Fact]
    public void Json_comes_back_byte_for_byte()
    {
        // The full set has the file that the reference wrote; else it is made of the same tokens.
        string path = Eml.Tests.Golden.PathOf("lm", "tokenizer.json");
        byte[] file = File.Exists(path) ? File.ReadAllBytes(path) : TokenizerFile.Write(TokenizerCases.Golden, TokenizerFormat.Json);
        Tokenizer tokenizer = TokenizerFile.Read(file);
        Assert.Equal(file, TokenizerFile.Write(tokenizer, TokenizerFormat.Json));
        Assert.Equal(TokenizerCases.Bytes("tokenizer.tiktoken"), TokenizerFile.Write(tokenizer, TokenizerFormat.Tiktoken));
        Assert.Equal(8188, tokenizer.BosId);
    }

    [Fact]
    public void Lines_may_come_in_any_order_and_end_as_in_DOS()
    {
        string[] lines = Encoding.ASCII.GetString(TokenizerCases.Bytes("tokenizer.tiktoken")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        new Random(1).Shuffle(lines);
        Tokenizer tokenizer = TokenizerFile.Read(Encoding.ASCII.GetBytes(string.Join("\r\n", lines)));
        Assert.Equal(TokenizerCases.Bytes("tokenizer.tiktoken"), TokenizerFile.Write(tokenizer, TokenizerFormat.Tiktoken));
    }

    [Theory]
    [InlineData("YQ==", "line 257")] // no rank
    [InlineData("YWI= x", "line 257")]
    [InlineData("YWI= -1", "line 257")]
    [InlineData("YWI=  256", "line 257")]
    [InlineData("YWI= 256 1", "line 257")]
    [InlineData("YWI= 256\0", "line 257")]
    [InlineData(" 256", "line 257")]
    [InlineData("YWI 256", "line 257", "base64")]
    [InlineData("YWJ= 256", "line 257", "base64")] // bits that no byte has
    [InlineData("YW\tI= 256", "line 257")]
    [InlineData("==== 256", "line 257", "base64")]
    [InlineData("YWI= 255", "line 257", "255")] // a rank twice
    [InlineData("AA== 256", "line 257", "rank 0")] // a token twice
    [InlineData("YWI= 257", "256")] // a gap
    [InlineData("YWI= 1048576", "line 257", "1048576")]
    [InlineData("YWI= 99999999999999999999", "line 257")]
    public void Bad_lines_are_named(string line, params string[] named)
    {
        byte[] file = Encoding.ASCII.GetBytes(Lines() + line + "\n");
        EmlException e = Refused.As(ErrorCode.Format, () => TokenizerFile.Read(file));
        Assert.All(named, part => Assert.Contains(part, e.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Other_files_are_no_tokenizers()
    {
        Refused.As(FormatError.Unknown, 0, () => TokenizerFile.Read("what is this"u8));
        Refused.As(FormatError.Unknown, 1, () => TokenizerFile.Read([0x0A, 0x0E, 0x0A, 0x05, 0x3C]));
        Refused.As(FormatError.Value, () => TokenizerFile.Read([])); // not even single bytes
        Refused.As(FormatError.Kind, () => TokenizerFile.Read("[]"u8));
        Refused.As(FormatError.Json, () => TokenizerFile.Read("{"u8));
        Refused.As(ErrorCode.Limit, () => TokenizerFile.Read(new byte[TokenizerFile.MaxBytes + 1]));
        EmlException e = Refused.As(FormatError.Kind, () => TokenizerFile.Read(
            """{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":{},"merges":[]}}"""u8));
        Assert.Contains("Hugging Face", e.Message, StringComparison.Ordinal);
        Refused.As(ErrorCode.Argument, () => TokenizerFile.FromPath("tokenizer.model"));
    }

    [Theory]
    [InlineData("pattern", null, FormatError.MissingField)]
    [InlineData("tokens_base64", null, FormatError.MissingField)]
    [InlineData("special_tokens", null, FormatError.MissingField)]
    [InlineData("kind", "\"unigram\"", FormatError.Kind)]
    [InlineData("extra", "1", FormatError.UnknownField)]
    [InlineData("vocab_size", "260", FormatError.Value)]
    [InlineData("n_mergeable", "256", FormatError.Value)]
    [InlineData("n_mergeable", "-1", FormatError.BadNumber)]
    [InlineData("bos_token", "\"no\"", FormatError.Value)]
    [InlineData("special_tokens", "[]", FormatError.Value)]
    [InlineData("special_tokens", "{\"a\":300}", FormatError.Value)]
    [InlineData("special_tokens", "{\"a\":99999999999}", FormatError.Value)]
    [InlineData("tokens_base64", "\"AA==\"", FormatError.Value)]
    [InlineData("tokens_base64", "[1]", FormatError.Value)]
    [InlineData("tokens_base64", "[\"\"]", FormatError.Value)]
    [InlineData("tokens_base64", "[\"AA==\",\"AA==\"]", FormatError.Value)]
    [InlineData("tokens_base64", "[\"AA==\",\"AQ==\"]", FormatError.Value)]
    [InlineData("merges", "1", FormatError.Value)]
    [InlineData("merges", "[]", FormatError.Value)]
    [InlineData("merges", "[[97,98]]", FormatError.Value)]
    [InlineData("merges", "[[97,98],[256]]", FormatError.Value)]
    [InlineData("merges", "[[97,98],[256,99,1]]", FormatError.Value)]
    [InlineData("merges", "[[97,98],[256,100]]", FormatError.Value)]
    [InlineData("merges", "[[97,98],[257,99]]", FormatError.Value)]
    [InlineData("merges", "[[97,98],[256,99],[1,1]]", FormatError.Value)]
    [InlineData("merges", "[[97,98],[18446744073709551615,99]]", FormatError.Value)]
    public void Bad_fields_are_named(string field, string? value, FormatError error)
    {
        JsonObject root = JsonNode.Parse(TokenizerFile.Write(Small(), TokenizerFormat.Json))!.AsObject();
        Assert.Equal("abc"u8.ToArray(), TokenizerFile.Read(Encoding.UTF8.GetBytes(root.ToJsonString())).TokenBytes(257).ToArray());
        if (value is null)
        {
            root.Remove(field);
        }
        else
        {
            root[field] = JsonNode.Parse(value);
        }
        EmlException e = Refused.As(error, () => TokenizerFile.Read(Encoding.UTF8.GetBytes(root.ToJsonString())));
        Assert.Contains("tokenizer: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_pattern_is_not_offered()
    {
        JsonObject root = JsonNode.Parse(TokenizerFile.Write(Small(), TokenizerFormat.Json))!.AsObject();
        root["pattern"] = "\\s+";
        EmlException e = Refused.As(ErrorCode.Unsupported, () => TokenizerFile.Read(Encoding.UTF8.GetBytes(root.ToJsonString())));
        Assert.Contains("pattern at byte", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_tiktoken_file_cannot_carry_is_refused() =>
        Refused.As(ErrorCode.Unsupported, () => TokenizerFile.Write(Small(), TokenizerFormat.Tiktoken));

    [Fact]
    public void Damaged_files_are_refused_or_read()
    {
        var random = new Random(2);
        byte[][] files = [TokenizerFile.Write(Small(), TokenizerFormat.Json), Encoding.ASCII.GetBytes(Lines() + "YWI= 256\n")];
        int refused = 0;
        for (int round = 0; round < 4000; round++)
        {
            byte[] file = [.. files[round % 2]];
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                file[random.Next(file.Length)] = (byte)random.Next(256);
            }
            try
            {
                TokenizerFile.Read(file.AsSpan(0, random.Next(8) == 0 ? random.Next(file.Length) : file.Length));
            }
            catch (EmlException e)
            {
                Assert.NotEqual(ErrorCode.Internal, e.Code);
                refused++;
            }
        }
        Assert.InRange(refused, 3000, 4000);
    }

    [Fact]
    public void Files_are_saved_as_their_extension_says()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            foreach (string name in (string[])["t.json", "t.tiktoken"])
            {
                string path = Path.Combine(folder, name);
                TokenizerFile.Save(TokenizerCases.Golden, path);
                Assert.Equal([580, 111], TokenizerFile.Load(path).Encode("Hello")[1..]);
            }
            Refused.As(ErrorCode.Io, () => TokenizerFile.Load(Path.Combine(folder, "none.json")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Tokenizer Small() =>
        new(TokenizerCases.Ranks("ab", "abc"), new Dictionary<string, int> { ["<|end|>"] = 258 }, "<|end|>", name: "small \"one\"");

    private static string Lines() =>
        string.Concat(Enumerable.Range(0, 256).Select(value => $"{Convert.ToBase64String([(byte)value])} {value}\n"));
}
