namespace Eml.Language;

/// <summary>
/// All pieces as chains of tokens, with the places and the count of every pair of neighbours. A place is known by its first
/// byte and belongs to one pair at a time: the places of a pair are a list that is linked through them, in rising order.
/// A pair's places all come in one step, that which makes the younger of its tokens; later they only become fewer.
/// </summary>
internal sealed class PairCounts
{
    private const int None = -1;

    private struct Pair
    {
        public ulong Key;
        public long Count;
        public int First;
        public int Last;
    }

    // By place: the token, its neighbours in the piece, how often the piece occurs, and the list of the pair's places.
    private readonly int[] _token;
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly int[] _piece;
    private readonly int[] _later;
    private readonly int[] _earlier;
    private readonly long[] _pieceCounts;

    private readonly Dictionary<ulong, int> _numbers = [];
    private Pair[] _pairs = new Pair[1024];
    private int _count;
    private int _told; // pairs from here on are not in the queue yet
    private readonly PriorityQueue<int, (long Count, ulong Key)> _queue =
        new(Comparer<(long Count, ulong Key)>.Create((a, b) => a.Count != b.Count ? b.Count.CompareTo(a.Count) : a.Key.CompareTo(b.Key)));

    public PairCounts(PieceCounts pieces)
    {
        int size = pieces.Bytes;
        (_token, _next, _previous) = (new int[size], new int[size], new int[size]);
        (_piece, _later, _earlier) = (new int[size], new int[size], new int[size]);
        _pieceCounts = new long[pieces.Unique];
        int place = 0, number = 0;
        foreach ((ReadOnlyMemory<byte> piece, long count) in pieces.All())
        {
            ReadOnlySpan<byte> bytes = piece.Span;
            _pieceCounts[number] = count;
            for (int i = 0; i < bytes.Length; i++, place++)
            {
                _token[place] = bytes[i];
                _piece[place] = number;
                _previous[place] = i > 0 ? place - 1 : None;
                _next[place] = i + 1 < bytes.Length ? place + 1 : None;
                if (i > 0)
                {
                    Link(place - 1);
                }
            }
            number++;
        }
        TellNew();
    }

    /// <summary>Takes the most frequent pair, the smallest on ties; false if there is none.</summary>
    public bool TryTakeBest(out TokenizerMerge merge)
    {
        while (_queue.TryDequeue(out int number, out (long Count, ulong Key) known))
        {
            ref readonly Pair pair = ref _pairs[number];
            if (pair.Count == known.Count)
            {
                merge = new TokenizerMerge((int)(pair.Key >> 32), (int)(uint)pair.Key, pair.Count);
                return true;
            }
            if (pair.Count > 0)
            {
                _queue.Enqueue(number, (pair.Count, pair.Key)); // it has become rarer
            }
        }
        merge = default;
        return false;
    }

    /// <summary>Replaces a pair by a new token wherever it stands, from left to right.</summary>
    public void Merge(TokenizerMerge merge, int token)
    {
        int number = _numbers[Key(merge.Left, merge.Right)];
        while (_pairs[number].First is var place && place != None)
        {
            int right = _next[place], before = _previous[place], after = _next[right];
            Unlink(place);
            if (before != None)
            {
                Unlink(before);
            }
            if (after != None)
            {
                Unlink(right);
                _previous[after] = place;
            }
            _token[place] = token;
            _next[place] = after;
            if (before != None)
            {
                Link(before);
            }
            if (after != None)
            {
                Link(place);
            }
        }
        TellNew();
    }

    private static ulong Key(int left, int right) => ((ulong)left << 32) | (uint)right;

    private void Link(int place)
    {
        ulong key = Key(_token[place], _token[_next[place]]);
        if (!_numbers.TryGetValue(key, out int number))
        {
            number = _count++;
            _numbers.Add(key, number);
            if (number == _pairs.Length)
            {
                Array.Resize(ref _pairs, 2 * number);
            }
            _pairs[number] = new Pair { Key = key, First = None, Last = None };
        }
        ref Pair pair = ref _pairs[number];
        _earlier[place] = pair.Last;
        _later[place] = None;
        if (pair.Last == None)
        {
            pair.First = place;
        }
        else
        {
            _later[pair.Last] = place;
        }
        pair.Last = place;
        pair.Count += _pieceCounts[_piece[place]];
    }

    private void Unlink(int place)
    {
        ref Pair pair = ref _pairs[_numbers[Key(_token[place], _token[_next[place]])]];
        int earlier = _earlier[place], later = _later[place];
        if (earlier == None)
        {
            pair.First = later;
        }
        else
        {
            _later[earlier] = later;
        }
        if (later == None)
        {
            pair.Last = earlier;
        }
        else
        {
            _earlier[later] = earlier;
        }
        pair.Count -= _pieceCounts[_piece[place]];
    }

    private void TellNew()
    {
        for (; _told < _count; _told++)
        {
            if (_pairs[_told].Count > 0)
            {
                _queue.Enqueue(_told, (_pairs[_told].Count, _pairs[_told].Key));
            }
        }
    }
}
