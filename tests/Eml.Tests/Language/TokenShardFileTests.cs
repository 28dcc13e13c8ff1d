using System.Buffers.Binary;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;
using Eml.Tests.Formats;

namespace Eml.Tests.Language;

/// <summary>Documents as tokens in a file.</summary>
public class TokenShardFileTests
{
    private static readonly int[][] s_documents = [[1, 2, 3], [], [299, 0], [7]];

    [Theory]
    [InlineData(300, 2)]
    [InlineData(65536, 2)]
    [InlineData(65537, 4)]
    public void Comes_back_from_its_bytes(int vocabulary, int size)
    {
        byte[] bytes = Write(vocabulary, s_documents);
        Assert.Equal("EML-TOK\n"u8, bytes.AsSpan(0, 8));
        Assert.Equal(size, BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(16)));
        Assert.Equal(40 + (6 * size + 7) / 8 * 8 + 5 * 8 + 4, bytes.Length);
        Same(s_documents, Read(bytes), vocabulary);
        Assert.Equal(0, Read(Write(vocabulary, [])).Count);
    }

    [Fact]
    public void Cut_off_anywhere_it_is_refused()
    {
        byte[] bytes = Write(300, s_documents);
        for (int length = 0; length < bytes.Length; length++)
        {
            Refused.As(FormatError.Truncated, (ulong)length, () => Read(bytes[..length]));
        }
        Refused.As(FormatError.SizeMismatch, (ulong)bytes.Length, () => Read([.. bytes, 0]));
    }

    [Fact]
    public void A_change_of_any_byte_is_seen()
    {
        byte[] bytes = Write(300, s_documents);
        for (int at = 0; at < bytes.Length; at++)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                byte[] changed = [.. bytes];
                changed[at] ^= (byte)(1 << bit);
                var e = Assert.Throws<EmlException>(() => Read(changed));
                Assert.True(e.Code is ErrorCode.Format or ErrorCode.Version or ErrorCode.Limit, e.Message);
            }
        }
    }

    [Fact]
    public void What_was_written_on_purpose_is_refused_too()
    {
        Refused.As(FormatError.Value, () => Read(Changed(40, 0xFF, 0xFF))); // a token past the vocabulary
        Refused.As(FormatError.Value, () => Read(Changed(40 + 16 + 8, 9))); // documents that go backwards
        Refused.As(FormatError.Value, 52, () => Read(Changed(52, 1))); // between tokens and documents
        Refused.As(FormatError.Value, 20, () => Read(Changed(20, 1)));
        Refused.As(FormatError.Value, 16, () => Read(Changed(16, 4)));
        Refused.As(FormatError.Value, 12, () => Read(Changed(12, 0, 0)));
        Refused.As(FormatError.Unknown, 0, () => Read(Changed(0, 1)));
        Refused.As(ErrorCode.Version, () => Read(Changed(8, 2)));
        Refused.As(ErrorCode.Limit, () => Read(Changed(31, 0x80)));
        Refused.As(ErrorCode.Limit, () => Read(Changed(39, 0x80)));
        Refused.As(FormatError.Truncated, () => Read(Changed(26, 1)));
    }

    [Fact]
    public void Random_changes_never_crash_it()
    {
        byte[] bytes = Write(300, s_documents);
        var random = new Random(7);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] changed = bytes[..random.Next(bytes.Length + 1)];
            for (int i = random.Next(4); i > 0 && changed.Length > 0; i--)
            {
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            }
            if (changed.Length > 44)
            {
                Seal(changed);
            }
            try
            {
                Read(changed);
            }
            catch (EmlException e)
            {
                Assert.NotEqual(ErrorCode.Internal, e.Code);
            }
        }
    }

    [Fact]
    public void A_writer_begins_a_new_file_when_one_is_full()
    {
        string folder = Directory.CreateTempSubdirectory("eml-tokens-").FullName;
        try
        {
            var writer = new TokenShardWriter(folder, "part-{0:000}.tok", 300, shardBytes: 8);
            int[][] documents = [[1, 2], [3, 4], [5], [6, 7, 8, 9, 10], [], [11]];
            foreach (int[] document in documents)
            {
                writer.Add(document);
            }
            writer.Finish();
            Assert.Equal(["part-000.tok", "part-001.tok", "part-002.tok", "part-003.tok"], writer.Written.Select(shard => shard.File));
            Assert.Equal([2, 1, 1, 2], writer.Written.Select(shard => shard.Documents));
            Assert.All(writer.Written, shard => Assert.Equal(Eml.Formats.Sha256.Hex(File.ReadAllBytes(Path.Join(folder, shard.File))), shard.Hash));
            var corpus = new TokenCorpus(300, [.. writer.Written.Select(shard => TokenShardFile.Open(Path.Join(folder, shard.File)))]);
            Assert.Equal(documents.Length, corpus.Count);
            for (int i = 0; i < documents.Length; i++)
            {
                int[] copy = new int[corpus.Length(i)];
                corpus.Copy(i, copy);
                Assert.Equal(documents[i], copy);
            }
            File.WriteAllBytes(Path.Join(folder, "bad.tok"), [1, 2, 3]);
            Assert.Contains("bad.tok: tokens: byte 3:", Refused.As(FormatError.Truncated, () => TokenShardFile.Open(Path.Join(folder, "bad.tok"))).Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static byte[] Changed(int at, params byte[] to)
    {
        byte[] bytes = Write(300, s_documents);
        to.CopyTo(bytes, at);
        Seal(bytes);
        return bytes;
    }

    /// <summary>Makes the checksum right, as somebody would who means harm.</summary>
    private static void Seal(byte[] bytes) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - 4), Crc32.Of(bytes.AsSpan(0, bytes.Length - 4)));

    private static TokenShard Read(byte[] bytes) => TokenShardFile.Read(new LanguageBytes(bytes));

    private static byte[] Write(int vocabulary, int[][] documents)
    {
        int size = TokenShard.TokenSize(vocabulary);
        var starts = new List<ulong> { 0 };
        foreach (int[] document in documents)
        {
            starts.Add(starts[^1] + (ulong)document.Length);
        }
        byte[] tokens = [.. documents.SelectMany(document => document).SelectMany(token => BitConverter.GetBytes(token)[..size])];
        var file = new MemoryStream();
        string hash = TokenShardFile.Write(file, vocabulary, tokens, starts.ToArray());
        Assert.Equal(Eml.Formats.Sha256.Hex(file.ToArray()), hash);
        return file.ToArray();
    }

    private static void Same(int[][] documents, TokenShard shard, int vocabulary)
    {
        Assert.Equal(vocabulary, shard.VocabularySize);
        Assert.Equal(documents.Length, shard.Count);
        for (int i = 0; i < documents.Length; i++)
        {
            int[] copy = new int[shard.Length(i)];
            shard.Copy(i, copy);
            Assert.Equal(documents[i], copy);
        }
    }
}
