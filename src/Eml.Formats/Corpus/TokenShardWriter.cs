using System.Buffers.Binary;
using System.Globalization;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Formats.Language;

/// <summary>A shard that was written, as data.json names it.</summary>
internal sealed record TokenShardFacts(string File, int Documents, int Tokens, string Hash);

/// <summary>Writes documents of tokens into shards, one after the other. At most one shard is in memory.</summary>
/// <param name="folder">Where the files go.</param>
/// <param name="name">The files' name; {0} stands for the number of the shard.</param>
/// <param name="vocabulary">How many ids there are.</param>
/// <param name="shardBytes">Bytes of the tokens of a shard; only one with a single document may have more.</param>
internal sealed class TokenShardWriter(string folder, string name, int vocabulary, int shardBytes)
{
    /// <summary>Bytes of the tokens of a shard.</summary>
    public const int DefaultBytes = 1 << 26;

    private readonly int _size = TokenShard.TokenSize(vocabulary);
    private readonly List<ulong> _starts = [0];
    private readonly List<TokenShardFacts> _written = [];
    private byte[] _bytes = new byte[1 << 16];
    private int _count; // bytes

    /// <summary>The shards so far.</summary>
    public IReadOnlyList<TokenShardFacts> Written => _written;

    /// <summary>Appends a document.</summary>
    public void Add(ReadOnlySpan<int> tokens)
    {
        long needed = (long)tokens.Length * _size;
        if (_count + needed > shardBytes && _starts.Count > 1)
        {
            Finish();
        }
        Reserve(needed);
        foreach (int token in tokens)
        {
            if (_size == sizeof(ushort))
            {
                BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(_count), (ushort)token);
            }
            else
            {
                BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(_count), (uint)token);
            }
            _count += _size;
        }
        _starts.Add((ulong)(_count / _size));
    }

    /// <summary>Writes the shard that is in memory; it may be empty.</summary>
    public void Finish()
    {
        string file = string.Format(CultureInfo.InvariantCulture, name, _written.Count), hash = "";
        ulong[] starts = [.. _starts];
        AtomicFile.Write(Path.Join(folder, file), to => hash = TokenShardFile.Write(to, vocabulary, _bytes.AsSpan(0, _count), starts));
        _written.Add(new TokenShardFacts(file, _starts.Count - 1, _count / _size, hash));
        _starts.RemoveRange(1, _starts.Count - 1);
        _count = 0;
    }

    private void Reserve(long more)
    {
        if (_count + more > Array.MaxLength)
        {
            throw new EmlException(ErrorCode.Limit, $"{name}: a shard would have more than {Array.MaxLength} bytes; use fewer documents");
        }
        if (_count + more > _bytes.Length)
        {
            Array.Resize(ref _bytes, (int)Math.Min(Math.Max(2L * _bytes.Length, _count + more), Array.MaxLength));
        }
    }
}
