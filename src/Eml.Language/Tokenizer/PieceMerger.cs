using System.Buffers;
using System.Runtime.CompilerServices;

namespace Eml.Language;

/// <summary>
/// Byte pair encoding of one piece: the neighbouring pair whose joined bytes have the lowest rank is merged, the leftmost
/// on ties, until no pair makes a token.
/// </summary>
internal sealed class PieceMerger
{
    /// <summary>Longer pieces find the lowest rank by a heap.</summary>
    private const int ShortPiece = 96;

    private readonly PairTable _pairs;
    private readonly int[] _byteIds;
    private readonly int[] _bytePairs; // the joined token of two bytes

    /// <param name="pairs">All pairs of tokens that join to a token.</param>
    /// <param name="byteIds">The token of every byte.</param>
    public PieceMerger(PairTable pairs, int[] byteIds)
    {
        _pairs = pairs;
        _byteIds = byteIds;
        _bytePairs = new int[256 * 256];
        for (int pair = 0; pair < _bytePairs.Length; pair++)
        {
            _bytePairs[pair] = pairs.Find(byteIds[pair >> 8], byteIds[pair & 255]);
        }
    }

    /// <summary>
    /// Writes the ids of a piece that has at least one byte; the answer is how many, at most one a byte. Only pairs of a rank
    /// below <paramref name="limit"/> are merged.
    /// </summary>
    public int Encode(ReadOnlySpan<byte> piece, Span<int> ids, int limit = PairTable.None) =>
        piece.Length <= ShortPiece ? EncodeShort(piece, ids, limit) : EncodeLong(piece, ids, limit);

    [SkipLocalsInit]
    private int EncodeShort(ReadOnlySpan<byte> piece, Span<int> ids, int limit)
    {
        int count = piece.Length;
        Span<int> ranks = stackalloc int[ShortPiece];
        ids = ids[..count];
        for (int i = 0; i < count - 1; i++)
        {
            ids[i] = _byteIds[piece[i]];
            ranks[i] = _bytePairs[(piece[i] << 8) | piece[i + 1]];
        }
        ids[count - 1] = _byteIds[piece[count - 1]];

        while (true)
        {
            int best = 0, lowest = PairTable.None;
            for (int i = 0; i < count - 1; i++)
            {
                if (ranks[i] < lowest)
                {
                    lowest = ranks[i];
                    best = i;
                }
            }
            if (lowest >= limit)
            {
                return count;
            }

            ids[best] = lowest;
            count--;
            for (int i = best + 1; i < count; i++)
            {
                ids[i] = ids[i + 1];
                ranks[i] = ranks[i + 1];
            }
            if (best + 1 < count)
            {
                ranks[best] = _pairs.Find(lowest, ids[best + 1]);
            }
            if (best > 0)
            {
                ranks[best - 1] = _pairs.Find(ids[best - 1], lowest);
            }
        }
    }

    private int EncodeLong(ReadOnlySpan<byte> piece, Span<int> ids, int limit)
    {
        int length = piece.Length;
        ArrayPool<int> pool = ArrayPool<int>.Shared;
        // Parts are known by their first byte; a part's rank is that of the pair with the next part.
        int[] next = pool.Rent(length), previous = pool.Rent(length), ranks = pool.Rent(length);
        var heap = new RankHeap(length);
        try
        {
            for (int i = 0; i < length; i++)
            {
                ids[i] = _byteIds[piece[i]];
                next[i] = i + 1;
                previous[i] = i - 1;
                ranks[i] = i + 1 < length ? _bytePairs[(piece[i] << 8) | piece[i + 1]] : PairTable.None;
                heap.Append(ranks[i], i);
            }
            heap.Order();

            while (heap.TryPop(out int rank, out int at) && rank < limit)
            {
                if (ranks[at] != rank)
                {
                    continue; // the pair is no more
                }
                int gone = next[at], after = next[gone];
                ids[at] = rank;
                ranks[gone] = PairTable.None;
                next[at] = after;
                ranks[at] = PairTable.None;
                if (after < length)
                {
                    previous[after] = at;
                    ranks[at] = _pairs.Find(rank, ids[after]);
                    heap.Push(ranks[at], at);
                }
                if (previous[at] is var before && before >= 0)
                {
                    ranks[before] = _pairs.Find(ids[before], rank);
                    heap.Push(ranks[before], before);
                }
            }

            int count = 0;
            for (int i = 0; i < length; i = next[i])
            {
                ids[count++] = ids[i];
            }
            return count;
        }
        finally
        {
            pool.Return(next);
            pool.Return(previous);
            pool.Return(ranks);
            heap.Dispose();
        }
    }

    /// <summary>Pairs by rank, then by place; pairs that make no token are left out.</summary>
    private struct RankHeap(int capacity) : IDisposable
    {
        private ulong[] _items = ArrayPool<ulong>.Shared.Rent(capacity);
        private int _count;

        /// <summary>Adds without order, before <see cref="Order"/>.</summary>
        public void Append(int rank, int at)
        {
            if (rank != PairTable.None)
            {
                _items[_count++] = ((ulong)rank << 32) | (uint)at;
            }
        }

        public readonly void Order()
        {
            for (int i = _count / 2 - 1; i >= 0; i--)
            {
                Sink(i, _items[i]);
            }
        }

        public void Push(int rank, int at)
        {
            if (rank == PairTable.None)
            {
                return;
            }
            if (_count == _items.Length)
            {
                Grow();
            }
            ulong item = ((ulong)rank << 32) | (uint)at;
            int place = _count++;
            while (place > 0 && _items[(place - 1) / 2] > item)
            {
                _items[place] = _items[(place - 1) / 2];
                place = (place - 1) / 2;
            }
            _items[place] = item;
        }

        public bool TryPop(out int rank, out int at)
        {
            if (_count == 0)
            {
                rank = at = 0;
                return false;
            }
            ulong first = _items[0];
            rank = (int)(first >> 32);
            at = (int)(uint)first;
            Sink(0, _items[--_count]);
            return true;
        }

        public readonly void Dispose() => ArrayPool<ulong>.Shared.Return(_items);

        private readonly void Sink(int place, ulong item)
        {
            ulong[] items = _items;
            while (true)
            {
                int child = 2 * place + 1;
                if (child >= _count)
                {
                    break;
                }
                if (child + 1 < _count && items[child + 1] < items[child])
                {
                    child++;
                }
                if (items[child] >= item)
                {
                    break;
                }
                items[place] = items[child];
                place = child;
            }
            items[place] = item;
        }

        private void Grow()
        {
            ulong[] larger = ArrayPool<ulong>.Shared.Rent(2 * _items.Length);
            _items.AsSpan(0, _count).CopyTo(larger);
            ArrayPool<ulong>.Shared.Return(_items);
            _items = larger;
        }
    }
}
