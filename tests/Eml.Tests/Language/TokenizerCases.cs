using System.Text.Json;
using Eml.Formats;
using Eml.Language;

namespace Eml.Tests.Language;

/// <summary>The golden tokenizer and its cases.</summary>
internal static class TokenizerCases
{
    private static readonly Lazy<Tokenizer> s_golden = new(() => TokenizerFile.Read(Bytes("tokenizer.tiktoken")));

    /// <summary>8,188 ranks and four special tokens.</summary>
    public static Tokenizer Golden => s_golden.Value;

    public static byte[] Bytes(string file) => File.ReadAllBytes(Eml.Tests.Golden.PathOf("lm", file));

    public static JsonElement Json(string file) => JsonDocument.Parse(Bytes(file)).RootElement;

    public static int[] Ints(this JsonElement parent, string name) => [.. parent.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    public static string Text(this JsonElement parent, string name) => parent.GetProperty(name).GetString()!;

    /// <summary>A vocabulary of all single bytes and some more tokens.</summary>
    public static List<byte[]> Ranks(params ReadOnlySpan<string> more)
    {
        var ranks = Enumerable.Range(0, 256).Select(value => new[] { (byte)value }).ToList();
        foreach (string token in more)
        {
            ranks.Add(System.Text.Encoding.UTF8.GetBytes(token));
        }
        return ranks;
    }
}
