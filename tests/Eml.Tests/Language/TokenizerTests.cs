using System.Text;
using System.Text.Json;
using Eml.Language;
using Eml.Numerics;
using Eml.Tests.Formats;

namespace Eml.Tests.Language;

/// <summary>Ids and texts as tiktoken has them.</summary>
public class TokenizerTests
{
    [Fact]
    public void Encodes_as_tiktoken()
    {
        JsonElement parity = TokenizerCases.Json("bpe_parity.json");
        int count = 0;
        foreach (JsonElement pair in parity.Array("pairs"))
        {
            string text = pair.Text("text");
            int[] expected = pair.Ints("ids");
            Assert.Equal(expected, TokenizerCases.Golden.Encode(text));
            Assert.Equal(expected, TokenizerCases.Golden.Encode(Encoding.UTF8.GetBytes(text)));
            Assert.Equal(text, TokenizerCases.Golden.Decode(expected));
            count++;
        }
        Assert.Equal(30, count);
        Assert.Equal(parity.Int("bos_id"), TokenizerCases.Golden.BosId);
    }

    [Fact]
    public void Special_tokens_are_found_on_request_only()
    {
        int count = 0;
        foreach (JsonElement pair in TokenizerCases.Json("bpe_parity.json").Array("encode_with_special"))
        {
            Assert.Equal(pair.Ints("ids"), TokenizerCases.Golden.Encode(pair.Text("text"), special: true));
            Assert.Equal(pair.Text("text"), TokenizerCases.Golden.Decode(pair.Ints("ids")));
            Assert.All(TokenizerCases.Golden.Encode(pair.Text("text")), id => Assert.InRange(id, 0, TokenizerCases.Golden.RankCount - 1));
            count++;
        }
        Assert.Equal(2, count);
        Assert.Equal(8190, TokenizerCases.Golden.FindSpecial("<|reserved_2|>"));
        Assert.Null(TokenizerCases.Golden.FindSpecial("<|reserved_4|>"));
        Assert.Equal(8192, TokenizerCases.Golden.VocabularySize);
    }

    [Fact]
    public void The_longer_of_two_special_tokens_is_meant()
    {
        var tokenizer = new Tokenizer(TokenizerCases.Ranks(), new Dictionary<string, int> { ["<a>"] = 256, ["<a>b"] = 258, ["é"] = 257 });
        Assert.Equal([258, 'x', 256, 257, '<', 'a'], tokenizer.Encode("<a>bx<a>é<a", special: true));
        Assert.Null(tokenizer.BosId);
    }

    [Fact]
    public void Decodes_what_is_no_text_as_every_decoder_does()
    {
        int count = 0;
        foreach (JsonElement item in TokenizerCases.Json("bpe_parity.json").Array("decode"))
        {
            Assert.Equal(item.GetProperty("bytes_base64").GetBytesFromBase64(), TokenizerCases.Golden.DecodeBytes(item.Ints("ids")));
            Assert.Equal(item.Text("text"), TokenizerCases.Golden.Decode(item.Ints("ids")));
            count++;
        }
        Assert.Equal(12, count);
    }

    [Fact]
    public void Byte_lengths_are_those_of_the_reference()
    {
        JsonElement lengths = TokenizerCases.Json("token_bytes.json");
        Assert.Equal(lengths.Ints("raw"), TokenizerCases.Golden.RawByteLengths);
        Assert.Equal(lengths.Ints("reference"), TokenizerCases.Golden.ReferenceByteLengths);
    }

    [Fact]
    public void A_stream_never_cuts_a_character()
    {
        var random = new Random(5);
        string[] texts = ["", "plain", "é", "今天天气很好 👨‍👩‍👧‍👦 Zażółć", "\uFFFD", "a\u0301👍🏽!"];
        int[][] streams =
        [
            .. texts.Select(text => TokenizerCases.Golden.Encode(text)),
            .. texts.Select(text => Encoding.UTF8.GetBytes(text).Select(value => (int)value).ToArray()), // a token a byte
            .. TokenizerCases.Json("bpe_parity.json").Array("decode").Select(item => item.Ints("ids")),
            .. Enumerable.Range(0, 2000).Select(_ => Enumerable.Range(0, 12).Select(_ => Damaged(random)).ToArray()),
        ];
        foreach (int[] ids in streams)
        {
            // Stop after each token: what is out is the text of the tokens so far but for an unfinished character.
            for (int stop = 0; stop <= ids.Length; stop++)
            {
                var decoder = new StreamDecoder(TokenizerCases.Golden);
                var text = new StringBuilder();
                foreach (int id in ids.AsSpan(0, stop))
                {
                    text.Append(decoder.Push(id));
                }
                Assert.StartsWith(text.ToString(), TokenizerCases.Golden.Decode(ids), StringComparison.Ordinal);
                text.Append(decoder.Flush());
                Assert.Equal(TokenizerCases.Golden.Decode(ids.AsSpan(0, stop)), text.ToString());
                Assert.Equal("", decoder.Flush());
            }
        }
        Assert.Throws<EmlException>(() => new StreamDecoder(TokenizerCases.Golden).Push(8192));
    }

    // Bytes that begin and go on with characters, so that most streams are half valid.
    private static int Damaged(Random random)
    {
        int[] bytes = [0x41, 0x80, 0xBF, 0x9F, 0xC3, 0xE4, 0xED, 0xF0, 0xF4, 0xFF, 0xE0, 0xA0];
        return bytes[random.Next(bytes.Length)];
    }

    [Fact]
    public void Appends_to_a_list_and_leaves_it_alone_on_refusal()
    {
        List<int> ids = [-1, -2];
        TokenizerCases.Golden.Encode("Hello world!"u8, ids);
        TokenizerCases.Golden.Encode("Hello world!", ids);
        int[] hello = TokenizerCases.Golden.Encode("Hello world!");
        Assert.Equal([-1, -2, .. hello, .. hello], ids);
        EmlException e = Refused.As(ErrorCode.Argument, () => TokenizerCases.Golden.Encode("ab\u00E9\u00FF"u8[..^1], ids));
        Assert.Contains("byte 4 (0xC3)", e.Message, StringComparison.Ordinal);
        Assert.Equal(2 + 2 * hello.Length, ids.Count);
    }

    [Fact]
    public void Half_a_surrogate_pair_is_a_replacement_character() =>
        Assert.Equal(TokenizerCases.Golden.Encode("a\uFFFDb"), TokenizerCases.Golden.Encode("a\uD83Db"));

    [Fact]
    public void Wrong_ids_are_refused()
    {
        Refused.As(ErrorCode.Argument, () => TokenizerCases.Golden.Decode([65, 8192]));
        Refused.As(ErrorCode.Argument, () => TokenizerCases.Golden.DecodeBytes([-1]));
        EmlException e = Refused.As(ErrorCode.Argument, () => TokenizerCases.Golden.Decode([65, 66, int.MaxValue]));
        Assert.Contains("ids[2]", e.Message, StringComparison.Ordinal);
        Assert.Contains("8191", e.Message, StringComparison.Ordinal);
        Refused.As(ErrorCode.Argument, () => TokenizerCases.Golden.TokenBytes(8192).ToArray());
        Assert.Equal("<|reserved_3|>"u8.ToArray(), TokenizerCases.Golden.TokenBytes(8191).ToArray());
    }

    [Fact]
    public void Vocabularies_that_cannot_be_are_refused()
    {
        var none = new Dictionary<string, int>();
        Refused.As(ErrorCode.Argument, () => new Tokenizer([.. TokenizerCases.Ranks().Skip(1)], none)); // a byte is missing
        Refused.As(ErrorCode.Argument, () => new Tokenizer(TokenizerCases.Ranks("ab", "ab"), none));
        Refused.As(ErrorCode.Argument, () => new Tokenizer(TokenizerCases.Ranks(new string('x', 20), new string('x', 20)), none));
        Refused.As(ErrorCode.Argument, () => new Tokenizer(TokenizerCases.Ranks(""), none));
        Refused.As(ErrorCode.Argument, () => new Tokenizer(TokenizerCases.Ranks(new string('x', Tokenizer.MaxTokenBytes + 1)), none));
        Refused.As(ErrorCode.Argument, () => new Tokenizer(TokenizerCases.Ranks(), new Dictionary<string, int> { ["a"] = 257 }));
        Refused.As(ErrorCode.Argument, () => new Tokenizer(TokenizerCases.Ranks(), new Dictionary<string, int> { ["a"] = 256, ["b"] = 256 }));
        Refused.As(ErrorCode.Argument, () => new Tokenizer(TokenizerCases.Ranks(), new Dictionary<string, int> { [""] = 256 }));
        Refused.As(ErrorCode.Argument, () => new Tokenizer(TokenizerCases.Ranks(), none, bosToken: "x"));
        Refused.As(ErrorCode.Unsupported, () => new Tokenizer(TokenizerCases.Ranks(), none, pattern: "\\w+"));
        List<byte[]> large = [.. TokenizerCases.Ranks(), .. Enumerable.Range(0, 1 << 14).Select(i => Encoding.ASCII.GetBytes(i.ToString("D1024")))];
        Refused.As(ErrorCode.Limit, () => new Tokenizer(large, none));
        Refused.As(ErrorCode.Limit, () => new Tokenizer(TokenizerCases.Ranks(), Enumerable.Range(0, 1025).ToDictionary(i => $"t{i}", i => 256 + i)));
    }

    [Fact]
    public async Task Many_threads_share_a_tokenizer()
    {
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(TokenizerCases.Json("bpe_parity.json").Array("pairs").Select(pair => pair.Text("text"))));
        int[] expected = TokenizerCases.Golden.Encode(text);
        var shared = new Tokenizer([.. Enumerable.Range(0, 8188).Select(id => TokenizerCases.Golden.TokenBytes(id).ToArray())], new Dictionary<string, int>());
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < 20; i++)
            {
                Assert.Equal(expected, shared.Encode(text));
            }
        })));
    }

    [Fact]
    public void Encoding_into_a_list_with_room_allocates_nothing()
    {
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(TokenizerCases.Json("bpe_parity.json").Array("pairs").Last().Text("text"), 50)));
        var ids = new List<int>(2 * text.Length);
        TokenizerCases.Golden.Encode(text, ids);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            ids.Clear();
            TokenizerCases.Golden.Encode(text, ids);
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4096);
    }
}
