using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// Refinement of an attention block by moves in random directions: of one head's queries, keys or positions, of few or of all
/// of their parameters; and of the leaves of one node. Each kind has its own length, which grows on success and shrinks on
/// failure. Every round tries each kind once and then, again and again, those that have gained most.
/// </summary>
internal sealed class BlockMoves<T> where T : struct, ILanes<T>
{
    private const int RepeatsPerRound = 24;
    private const double FirstLength = 0.3, LeastLength = 1e-6, LargestLength = 2, Grow = 1.7, Shrink = 0.6;
    private const double Memory = 0.7;

    private readonly BlockLayout _layout;
    private readonly BlockTrainer<T> _trainer;
    private readonly List<Move> _moves = [];
    private readonly double[] _direction;
    private Lcg64 _random;
    private int _nextToken, _nextOut;

    public BlockMoves(BlockLayout layout, BlockTrainer<T> trainer, ulong seed)
    {
        _layout = layout;
        _trainer = trainer;
        _random = new Lcg64(seed ^ 0x9E3779B97F4A7C15);
        _direction = new double[layout.NonlinearCount];
        for (int h = 0; h < layout.H; h++)
        {
            _moves.Add(new Move(Kind.Scale, h, 0, 0, 0));
            Add(h, layout.HeadBase(h), layout.QueryCount);
            Add(h, layout.KeyBase(h), layout.KeyCount);
            if (layout.Positional)
            {
                Add(h, layout.QueryPositionBase(h), 2 * layout.S * layout.K);
            }

            Add(h, layout.HeadBase(h), layout.HeadCount);
        }

        if (layout.E > 0)
        {
            _moves.Add(new Move(Kind.TokenNode, -1, 0, 0, 0));
            _moves.Add(new Move(Kind.OutNode, -1, 0, 0, 0));
            _moves.Add(new Move(Kind.NewTokenNode, -1, 0, 0, 0));
            _moves.Add(new Move(Kind.NewOutNode, -1, 0, 0, 0));
        }
    }

    private enum Kind
    {
        Scale,
        Few,
        All,
        TokenNode,
        OutNode,
        NewTokenNode,
        NewOutNode,
    }

    /// <summary>Each kind of move once, then the best ones.</summary>
    public void Round()
    {
        foreach (Move move in _moves)
        {
            Make(move);
        }

        for (int t = 0; t < RepeatsPerRound && !_trainer.Done; t++)
        {
            Move best = _moves[0];
            foreach (Move move in _moves)
            {
                best = move.Gain > best.Gain ? move : best;
            }

            if (!(best.Gain > 0))
            {
                break;
            }

            Make(best);
        }
    }

    private void Add(int head, int first, int count)
    {
        _moves.Add(new Move(Kind.Few, head, first, count, Math.Min(count, 3)));
        _moves.Add(new Move(Kind.All, head, first, count, count));
    }

    private void Make(Move move)
    {
        if (_trainer.Done || (move.Head >= 0 && !_trainer.IsActive(move.Head)))
        {
            return;
        }

        double before = _trainer.Best;
        switch (move.Kind)
        {
            case Kind.Scale:
                Scale(move);
                break;
            case Kind.Few:
            case Kind.All:
                Draw(move);
                Walk(move, tokens: false, 1 << move.Head, outNode: -1);
                break;
            case Kind.TokenNode:
            case Kind.NewTokenNode:
                int node = _nextToken++ % _layout.E;
                Node(move, 2 * node * (1 + _layout.D), 1 + _layout.D, outNode: -1);
                break;
            default:
                node = _nextOut++ % _layout.E;
                Node(move, _layout.OutLeafBase + 2 * node * _layout.G, _layout.G, node);
                break;
        }

        double gain = before > 0 && _trainer.Best < before ? 1 - _trainer.Best / before : 0;
        move.Gain = Memory * move.Gain + (1 - Memory) * gain;
        move.Gain = move.Gain < 1e-5 ? 0 : move.Gain;
    }

    private void Scale(Move move)
    {
        double factor = 1 + move.Length;
        _trainer.ScaleQueries(move.Head, factor);
        bool better = Try(false, 1 << move.Head, -1);
        if (!better)
        {
            _trainer.ScaleQueries(move.Head, 1 / factor);
            better = Try(false, 1 << move.Head, -1);
        }

        move.Adapt(better);
    }

    /// <summary>A random direction among some parameters, as long as they are on the average.</summary>
    private void Draw(Move move)
    {
        double square = 0;
        foreach (double value in _trainer.Trial.AsSpan(move.First, move.Count))
        {
            square += value * value;
        }

        double size = Math.Max(Math.Sqrt(square / move.Count), 1e-3);
        move.Chosen.Clear();
        for (int k = 0; k < move.Many; k++)
        {
            int at = move.Many == move.Count ? k : (int)(_random.Unit() * move.Count);
            if (!move.Chosen.Contains(move.First + at) || move.Many == move.Count)
            {
                move.Chosen.Add(move.First + at);
                // The sum of three has nearly a normal distribution of variance 1.
                _direction[move.First + at] = size * (_random.Signed() + _random.Signed() + _random.Signed());
            }
        }
    }

    private void Node(Move move, int first, int inputs, int outNode)
    {
        bool tokens = outNode < 0;
        if (move.Kind is Kind.NewTokenNode or Kind.NewOutNode)
        {
            Span<double> leaves = _trainer.Trial.AsSpan(first, 2 * inputs);
            leaves.Clear();
            leaves[0] = 1.5 * _random.Signed() - 0.5;
            leaves[inputs] = 1.5 * _random.Signed();
            int many = 1 + (int)(_random.Unit() * 2);
            for (int k = 0; k < many && inputs > 1; k++)
            {
                // The same inputs on both sides, so that one side can straighten the other.
                int at = 1 + (int)(_random.Unit() * (inputs - 1));
                leaves[at] = 2 * _random.Signed();
                leaves[inputs + at] = 3 * _random.Signed();
            }

            Try(tokens, heads: 0, outNode);
            return;
        }

        move.Chosen.Clear();
        for (int k = 0; k < 2 * inputs; k++)
        {
            // What is 0 mostly stays so: a node that reads everything generalises badly.
            if (k % inputs == 0 || _trainer.Trial[first + k] != 0 || _random.Unit() * inputs < 0.5)
            {
                move.Chosen.Add(first + k);
                _direction[first + k] = _random.Signed();
            }
        }

        Walk(move, tokens, heads: 0, outNode);
    }

    /// <summary>A step, or else one back; after a success on and on, twice as far each time.</summary>
    private void Walk(Move move, bool tokens, int heads, int outNode)
    {
        double length = move.Length;
        Step(move, length);
        bool better = Try(tokens, heads, outNode);
        if (!better)
        {
            length = -length;
            Step(move, length);
            better = Try(tokens, heads, outNode);
        }

        move.Adapt(better);
        while (better)
        {
            length *= 2;
            Step(move, length);
            better = Try(tokens, heads, outNode);
        }
    }

    private void Step(Move move, double length)
    {
        foreach (int i in move.Chosen)
        {
            _trainer.Trial[i] += length * _direction[i];
        }
    }

    private bool Try(bool tokens, int heads, int outNode)
    {
        double before = _trainer.Best;
        return !_trainer.Done && _trainer.Try(tokens, heads, outNode) < before;
    }

    private sealed class Move(Kind kind, int head, int first, int count, int many)
    {
        public Kind Kind { get; } = kind;

        public int Head { get; } = head;

        public int First { get; } = first;

        public int Count { get; } = count;

        /// <summary>How many parameters a direction has.</summary>
        public int Many { get; } = many;

        public List<int> Chosen { get; } = [];

        public double Length { get; private set; } = FirstLength;

        /// <summary>What the move gains per round, lately.</summary>
        public double Gain { get; set; }

        public void Adapt(bool better) => Length = Math.Clamp(Length * (better ? Grow : Shrink), LeastLength, LargestLength);
    }
}
