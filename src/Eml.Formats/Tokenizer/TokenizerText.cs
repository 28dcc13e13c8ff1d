using System.Globalization;
using System.Text;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats;

/// <summary>
/// .tiktoken: a line for each token, its bytes in base64, a space, its rank. Split pattern and special tokens are not in the
/// file: they are autoresearch's, four reserved tokens after the ranks, of which the first begins documents.
/// </summary>
internal static class TokenizerText
{
    private static readonly string[] s_special = ["<|reserved_0|>", "<|reserved_1|>", "<|reserved_2|>", "<|reserved_3|>"];

    public static Tokenizer Read(ReadOnlySpan<byte> bytes)
    {
        var ranks = new RankList();
        int line = 0;
        for (int start = 0, end; start < bytes.Length; start = end + 1)
        {
            line++;
            int length = bytes[start..].IndexOf((byte)'\n');
            end = length < 0 ? bytes.Length : start + length;
            ReadOnlySpan<byte> text = bytes[start..end];
            text = text.EndsWith("\r"u8) ? text[..^1] : text;
            if (text.IsEmpty)
            {
                continue;
            }
            int space = text.IndexOf((byte)' ');
            if (space <= 0 || text.ContainsAnyExceptInRange((byte)' ', (byte)'~') ||
                !ulong.TryParse(text[(space + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out ulong rank))
            {
                throw new EmlException(ranks.IsEmpty ? FormatError.Unknown : FormatError.Value, (ulong)start,
                    $"tokenizer: line {line}, byte {start}: it is no token in base64, a space and a rank; " +
                    "a tokenizer's file is .tiktoken, with such lines only, or tokenizer.json");
            }
            ranks.Add(Encoding.ASCII.GetString(text[..space]), rank, $"line {line}", (ulong)start);
        }

        List<byte[]> tokens = ranks.ToList((ulong)bytes.Length);
        return RankList.Make(tokens, Special(tokens.Count), s_special[0], Tokenizer.SplitPattern, "", (ulong)bytes.Length);
    }

    public static byte[] Write(Tokenizer tokenizer)
    {
        if (!tokenizer.SpecialNames.SequenceEqual(s_special) || tokenizer.BosId != tokenizer.RankCount)
        {
            throw new EmlException(ErrorCode.Unsupported,
                $"a .tiktoken file holds no special tokens: its readers assume {string.Join(", ", s_special)} and that the first begins documents, " +
                "which is not so for this tokenizer; write it as JSON");
        }
        var text = new StringBuilder();
        for (int id = 0; id < tokenizer.RankCount; id++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{Convert.ToBase64String(tokenizer.TokenBytes(id))} {id}\n");
        }
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private static Dictionary<string, int> Special(int ranks) =>
        s_special.Select((name, i) => (name, id: ranks + i)).ToDictionary(token => token.name, token => token.id);
}
