using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>
/// .tok, a <see cref="TokenShard"/> as a file, which is mapped and not read. All numbers are little-endian:
/// <code>
///  0  8  the bytes "EML-TOK\n"
///  8  4  version: 1
/// 12  4  vocabulary: every token is below
/// 16  4  bytes of a token: 2 if the vocabulary has at most 65,536 tokens, else 4
/// 20  4  0
/// 24  8  documents, D
/// 32  8  tokens, N
/// 40     N tokens; then zeros up to a multiple of 8
///        D + 1 numbers of 8 bytes: the first token of each document, and N
///     4  CRC-32 (that of zip files) of everything before
/// </code>
/// Documents hold their tokens only, not the one that begins documents.
/// </summary>
internal static class TokenShardFile
{
    /// <summary>Before the tokens.</summary>
    public const int HeaderSize = 40;

    private const int Alignment = 8, ChecksumSize = 4;
    private const uint Version = 1;

    /// <summary>Bytes of all tokens of a shard: what one array holds.</summary>
    private const ulong MaxBytes = int.MaxValue / Alignment * Alignment;

    private static ReadOnlySpan<byte> Magic => "EML-TOK\n"u8;

    /// <summary>The shard in a file; all of it is checked.</summary>
    public static TokenShard Open(string path)
    {
        try
        {
            return Read(LanguageBytes.Open(path, mapped: true));
        }
        catch (EmlException e) when (e.Code == ErrorCode.Format)
        {
            throw new EmlException((FormatError)e.SubCode, e.ByteOffset, $"{path}: {e.Message}");
        }
        catch (EmlException e) when (e.Code is ErrorCode.Version or ErrorCode.Limit)
        {
            throw new EmlException(e.Code, e.ByteOffset, $"{path}: {e.Message}");
        }
    }

    /// <summary>The shard that these bytes are.</summary>
    public static TokenShard Read(LanguageBytes file)
    {
        if (file.Length < HeaderSize)
        {
            throw Truncated(file, $"its header has {HeaderSize}");
        }
        ReadOnlySpan<byte> header = file.Slice(0, HeaderSize).Span;
        if (!header.StartsWith(Magic))
        {
            throw new EmlException(FormatError.Unknown, 0, "tokens: byte 0: the file does not begin with \"EML-TOK\" and a line end; it is no file of tokens");
        }
        uint version = Number(header, 8), vocabulary = Number(header, 12), size = Number(header, 16);
        if (version != Version)
        {
            throw new EmlException(ErrorCode.Version, 8, $"tokens: version {version} at byte 8; this library knows version {Version}: use a newer one, or prepare the data anew");
        }
        if (vocabulary is < 1 or > Tokenizer.MaxTokens)
        {
            throw new EmlException(FormatError.Value, 12, $"tokens: a vocabulary of {vocabulary} at byte 12; it must be 1 to {Tokenizer.MaxTokens}");
        }
        if (size != TokenShard.TokenSize((int)vocabulary))
        {
            throw new EmlException(FormatError.Value, 16, $"tokens: {size} bytes a token at byte 16; with a vocabulary of {vocabulary} it must be {TokenShard.TokenSize((int)vocabulary)}");
        }
        if (Number(header, 20) != 0)
        {
            throw new EmlException(FormatError.Value, 20, "tokens: the four bytes from byte 20 on are not zero; no version uses them");
        }
        ulong documents = BinaryPrimitives.ReadUInt64LittleEndian(header[24..]), tokens = BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
        if (documents >= MaxBytes / sizeof(ulong) || tokens > MaxBytes / size)
        {
            throw new EmlException(ErrorCode.Limit, documents >= MaxBytes / sizeof(ulong) ? 24UL : 32UL,
                $"tokens: {documents} documents and {tokens} tokens from byte 24 on; each may need {MaxBytes} bytes at most: prepare the data in more shards");
        }
        int tokenBytes = (int)(tokens * size), padded = Padded(tokenBytes), startBytes = (int)(documents + 1) * sizeof(ulong);
        long length = HeaderSize + (long)padded + startBytes + ChecksumSize;
        if (file.Length < length)
        {
            throw Truncated(file, $"{documents} documents and {tokens} tokens need {length}");
        }
        if (file.Length > length)
        {
            throw new EmlException(FormatError.SizeMismatch, (ulong)length, $"tokens: byte {length}: the file has {file.Length} bytes; {documents} documents and {tokens} tokens need {length}");
        }
        ReadOnlyMemory<byte> text = file.Slice(HeaderSize, padded), starts = file.Slice(HeaderSize + (long)padded, startBytes);
        ulong end = (ulong)(length - ChecksumSize);
        uint checksum = Crc32.Of(starts.Span, Crc32.Of(text.Span, Crc32.Of(header))), stored = Number(file.Slice((long)end, ChecksumSize).Span, 0);
        if (checksum != stored)
        {
            throw new EmlException(FormatError.Value, end, $"tokens: the CRC-32 of the file is {checksum:x8} and at byte {end} stands {stored:x8}; the file is damaged: prepare the data anew");
        }
        if (text.Span[tokenBytes..].IndexOfAnyExcept((byte)0) >= 0)
        {
            throw new EmlException(FormatError.Value, (ulong)(HeaderSize + tokenBytes), $"tokens: byte {HeaderSize + tokenBytes}: between tokens and documents there must be zeros");
        }
        return UntrustedLanguage.InFile(HeaderSize, "tokens", () => new TokenShard((int)vocabulary, text[..tokenBytes], starts));
    }

    /// <summary>Writes the file, forwards only; returns its SHA-256.</summary>
    /// <param name="to">An empty file.</param>
    /// <param name="vocabulary">How many ids there are.</param>
    /// <param name="tokens">All tokens in their size.</param>
    /// <param name="starts">The first token of each document, and behind the last their number.</param>
    public static string Write(Stream to, int vocabulary, ReadOnlySpan<byte> tokens, ReadOnlySpan<ulong> starts)
    {
        var hash = new Sha256();
        uint checksum = 0;
        void Put(ReadOnlySpan<byte> bytes)
        {
            to.Write(bytes);
            hash.Add(bytes);
            checksum = Crc32.Of(bytes, checksum);
        }

        Span<byte> header = stackalloc byte[HeaderSize];
        header.Clear();
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], (uint)vocabulary);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], (uint)TokenShard.TokenSize(vocabulary));
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], (ulong)starts.Length - 1);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], starts[^1]);
        Put(header);
        Put(tokens);
        Put("\0\0\0\0\0\0\0\0"u8[..(Padded(tokens.Length) - tokens.Length)]);
        Put(MemoryMarshal.AsBytes(starts)); // little-endian, as all our machines are
        Span<byte> end = stackalloc byte[ChecksumSize];
        BinaryPrimitives.WriteUInt32LittleEndian(end, checksum);
        Put(end);
        return Convert.ToHexStringLower(hash.Finish());
    }

    private static int Padded(int bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static uint Number(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static EmlException Truncated(LanguageBytes file, string needs) => new(FormatError.Truncated, (ulong)file.Length,
        $"tokens: byte {file.Length}: the file ends there; {needs} bytes");
}
