using Eml.Numerics;

namespace Eml.Language;

/// <summary>
/// Rows of tokens for training, packed as autoresearch's prepare.py packs them. Each document is the token that begins documents and its
/// tokens. A buffer is refilled with some documents at a time, fewer at the end of the corpus, whenever it holds less than it should. A row
/// takes, again and again, the longest document of the buffer that fits, the first of equally long ones; where none fits, the shortest, the
/// first of equally short ones, of which only the beginning is used. So every row begins with a document, and nothing is padding. The
/// documents come in their order, round after round. For one thread.
/// </summary>
public sealed class BestFitPacker
{
    /// <summary>Documents that a refill brings, as in the reference.</summary>
    public const int DefaultRefill = 128;

    /// <summary>Documents that the buffer holds at least when one is chosen, as in the reference.</summary>
    public const int DefaultBufferSize = 1000;

    /// <summary>Documents of a refill, and of the buffer.</summary>
    public const int MaxBufferSize = 1 << 20;

    /// <summary>Tokens of a row's inputs.</summary>
    public const int MaxSequenceLength = 1 << 24;

    private const int Numbers = 2; // of the state, before the buffer

    private readonly TokenCorpus _corpus;
    private readonly int _bos;
    private readonly int _refill;
    private readonly int _bufferSize;
    private readonly int[] _row;
    private readonly int[] _documents; // the buffer, in the order in which they came
    private readonly int[] _lengths; // of each, with the token that begins it
    private int _count;
    private int _next;

    /// <summary>A packer at the corpus's beginning.</summary>
    /// <param name="corpus">At least one document.</param>
    /// <param name="bos">The token that begins documents.</param>
    /// <param name="sequenceLength">Tokens of a row's inputs.</param>
    /// <param name="refill">Documents that a refill brings.</param>
    /// <param name="bufferSize">The buffer is refilled while it holds fewer documents.</param>
    public BestFitPacker(TokenCorpus corpus, int bos, int sequenceLength, int refill = DefaultRefill, int bufferSize = DefaultBufferSize)
    {
        ArgumentNullException.ThrowIfNull(corpus);
        if (corpus.Count == 0)
        {
            throw new EmlException(ErrorCode.Argument, "corpus: it has no documents; there must be one at least");
        }
        CheckRange("bos", bos, 0, corpus.VocabularySize - 1);
        CheckRange("sequenceLength", sequenceLength, 1, MaxSequenceLength);
        CheckRange("refill", refill, 1, MaxBufferSize);
        CheckRange("bufferSize", bufferSize, 1, MaxBufferSize);
        (_corpus, _bos, SequenceLength, _refill, _bufferSize) = (corpus, bos, sequenceLength, refill, bufferSize);
        _row = new int[sequenceLength + 1];
        _documents = new int[bufferSize - 1 + refill];
        _lengths = new int[bufferSize - 1 + refill];
    }

    /// <summary>Tokens of a row's inputs.</summary>
    public int SequenceLength { get; }

    /// <summary>The round through the corpus that the last refill was in, from 1 on.</summary>
    public int Epoch { get; private set; } = 1;

    /// <summary>
    /// Where the packer is: the document that comes next, the epoch, and the numbers of the documents in the buffer. A packer of the same
    /// corpus and settings that is given it by <see cref="Restore"/> goes on with the same rows.
    /// </summary>
    public long[] State
    {
        get
        {
            long[] state = new long[Numbers + _count];
            state[0] = _next;
            state[1] = Epoch;
            for (int i = 0; i < _count; i++)
            {
                state[Numbers + i] = _documents[i];
            }
            return state;
        }
    }

    /// <summary>Goes to where a packer was, <see cref="State"/>. What is refused changes nothing.</summary>
    public void Restore(ReadOnlySpan<long> state)
    {
        if (state.Length < Numbers || state.Length > Numbers + _documents.Length)
        {
            throw new EmlException(ErrorCode.Shape,
                $"state: {state.Length} numbers; it must have {Numbers} to {Numbers + _documents.Length}: the next document, the epoch and the buffer's documents");
        }
        CheckRange("state[0]", state[0], 0, _corpus.Count);
        CheckRange("state[1]", state[1], 1, int.MaxValue);
        for (int i = Numbers; i < state.Length; i++)
        {
            CheckRange($"state[{i}]", state[i], 0, _corpus.Count - 1);
        }
        (_next, Epoch, _count) = ((int)state[0], (int)state[1], state.Length - Numbers);
        for (int i = 0; i < _count; i++)
        {
            Put(i, (int)state[Numbers + i]);
        }
    }

    /// <summary>The next rows, as many as there is room for.</summary>
    /// <param name="inputs">(rows, <see cref="SequenceLength"/>).</param>
    /// <param name="targets">The same shape: for each input the token behind it.</param>
    public void Next(Span<int> inputs, Span<int> targets)
    {
        if (inputs.Length != targets.Length || inputs.Length % SequenceLength != 0)
        {
            throw new EmlException(ErrorCode.Shape,
                $"inputs and targets: they have {inputs.Length} and {targets.Length} tokens; both must have the same number of rows of {SequenceLength}");
        }
        for (int at = 0; at < inputs.Length; at += SequenceLength)
        {
            Pack();
            _row.AsSpan(..^1).CopyTo(inputs[at..]);
            _row.AsSpan(1..).CopyTo(targets[at..]);
        }
    }

    private void Pack()
    {
        for (int at = 0; at < _row.Length;)
        {
            while (_count < _bufferSize)
            {
                Refill();
            }
            int chosen = Choose(_row.Length - at), length = Math.Min(_lengths[chosen], _row.Length - at);
            _row[at] = _bos;
            _corpus.Copy(_documents[chosen], _row.AsSpan(at + 1, length - 1));
            at += length;
            Remove(chosen);
        }
    }

    /// <summary>The longest document that fits, or else the shortest.</summary>
    private int Choose(int room)
    {
        int longest = -1, most = 0, shortest = 0;
        ReadOnlySpan<int> lengths = _lengths.AsSpan(0, _count);
        for (int i = 0; i < lengths.Length; i++)
        {
            int length = lengths[i];
            if (length <= room && length > most)
            {
                (longest, most) = (i, length);
            }
            if (length < lengths[shortest])
            {
                shortest = i;
            }
        }
        return longest >= 0 ? longest : shortest;
    }

    private void Refill()
    {
        if (_next == _corpus.Count)
        {
            _next = 0;
            Epoch++;
        }
        int end = (int)Math.Min(_corpus.Count, (long)_next + _refill);
        while (_next < end)
        {
            Put(_count++, _next++);
        }
    }

    private void Put(int at, int document)
    {
        _documents[at] = document;
        _lengths[at] = _corpus.Length(document) + 1;
    }

    private void Remove(int at)
    {
        _documents.AsSpan(at + 1, _count - at - 1).CopyTo(_documents.AsSpan(at));
        _lengths.AsSpan(at + 1, _count - at - 1).CopyTo(_lengths.AsSpan(at));
        _count--;
    }

    private static void CheckRange(string name, long value, long min, long max)
    {
        if (value < min || value > max)
        {
            throw new EmlException(ErrorCode.Argument, $"{name}: {value}; it must be {min} to {max}");
        }
    }
}
