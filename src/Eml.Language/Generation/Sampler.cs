using Eml.Language.Kernels;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>Chooses tokens by their logits. For one thread at a time.</summary>
public sealed unsafe class Sampler
{
    private readonly SamplerOptions _options;
    private readonly float[] _weights; // exp((logit - largest) / temperature)
    private readonly int[] _candidates;
    private readonly bool[] _isSeen;
    private Lcg64 _chance;

    /// <summary>A sampler for a vocabulary of so many tokens.</summary>
    /// <exception cref="EmlException"><see cref="SamplerOptions.Check"/>.</exception>
    public Sampler(int vocabulary, SamplerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        _options = options;
        _weights = new float[vocabulary];
        _candidates = new int[vocabulary];
        _isSeen = new bool[vocabulary];
        _chance = new Lcg64(options.Seed);
        // Neighbouring seeds begin with neighbouring states.
        _ = _chance.Unit();
        _ = _chance.Unit();
    }

    /// <summary>Says that tokens stand in the sequence, which the repetition penalty asks for.</summary>
    public void See(ReadOnlySpan<int> tokens)
    {
        foreach (int token in tokens)
        {
            _isSeen[token] = true;
        }
    }

    /// <summary>The next token, which is then seen.</summary>
    /// <param name="logits">(vocab_size); they stay as they are.</param>
    public int Next(ReadOnlySpan<float> logits)
    {
        if (logits.Length != _weights.Length)
        {
            throw new EmlException(ErrorCode.Shape, $"sampling: {logits.Length} logits; the vocabulary has {_weights.Length} tokens");
        }
        logits.CopyTo(_weights);
        Penalize();
        int best = Best();
        int next = _options.Temperature == 0.0f ? best : Draw(best);
        _isSeen[next] = true;
        return next;
    }

    private void Penalize()
    {
        float penalty = _options.RepetitionPenalty;
        for (int i = 0; penalty != 1.0f && i < _weights.Length; i++)
        {
            if (_isSeen[i])
            {
                _weights[i] = _weights[i] > 0.0f ? _weights[i] / penalty : _weights[i] * penalty;
            }
        }
    }

    private int Best()
    {
        int best = 0;
        for (int i = 1; i < _weights.Length; i++)
        {
            best = _weights[i] > _weights[best] ? i : best;
        }
        return best;
    }

    private int Draw(int best)
    {
        float largest = _weights[best] / _options.Temperature;
        fixed (float* weights = _weights)
        {
            Pointwise.Scale(weights, 1.0f / _options.Temperature, _weights.Length);
            Pointwise.Exponentials(weights, MathF.Max(largest, weights[best]), _weights.Length);
        }
        int count = Candidates(best);
        double sum = 0.0;
        for (int i = 0; i < count; i++)
        {
            sum += _weights[_candidates[i]];
        }
        double drawn = _chance.Unit() * sum;
        for (int i = 0; i < count - 1; i++)
        {
            drawn -= _weights[_candidates[i]];
            if (drawn < 0.0)
            {
                return _candidates[i];
            }
        }
        return _candidates[count - 1];
    }

    /// <summary>The tokens that may be drawn; gives how many.</summary>
    private int Candidates(int best)
    {
        float least = _options.MinP * _weights[best];
        bool isNucleus = _options.TopP < 1.0f;
        double all = 0.0;
        for (int i = 0; isNucleus && i < _weights.Length; i++)
        {
            all += _weights[i];
        }
        if (isNucleus)
        {
            // Tokens below it have together less than 1 - p: none of them is needed.
            least = MathF.Max(least, (float)(all * (1.0 - _options.TopP) / _weights.Length));
        }
        int count = 0;
        for (int i = 0; i < _weights.Length; i++)
        {
            if (_weights[i] >= least)
            {
                _candidates[count++] = i;
            }
        }
        if (!isNucleus && (_options.TopK == 0 || _options.TopK >= count))
        {
            return count;
        }
        Array.Sort(_candidates, 0, count, Comparer<int>.Create((a, b) => _weights[a] != _weights[b] ? _weights[b].CompareTo(_weights[a]) : a.CompareTo(b)));
        count = _options.TopK == 0 ? count : Math.Min(count, _options.TopK);
        double reached = 0.0;
        int kept = 0;
        while (kept < count && (!isNucleus || reached < _options.TopP * all))
        {
            reached += _weights[_candidates[kept++]];
        }
        return kept;
    }
}
