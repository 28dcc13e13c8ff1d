using Eml.Numerics;

namespace Eml.Machine.Transformer;

/// <summary>A transformer at work on one sequence: it takes a token with its positional encoding and gives the next token. What it
/// remembers of the sequence is what its heads can still read.</summary>
public abstract class Engine(TransformerWeights weights)
{
    /// <summary>The weights.</summary>
    public TransformerWeights Weights { get; } = weights;

    /// <summary>Number of tokens taken since the start or the last <see cref="Clear"/>.</summary>
    public long Length { get; private protected set; }

    /// <summary>Where each step leaves what it computed, or null.</summary>
    public StepProbe? Probe { get; set; }

    /// <summary>One forward pass: takes <paramref name="token"/> at a position with encoding <paramref name="position"/>
    /// (position channels) and returns the token with the highest logit.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: no such token.</exception>
    public abstract int Step(int token, ReadOnlySpan<double> position);

    /// <summary>One forward pass of a transformer whose tokens are tuples: takes the numbers of a token and writes those of the next to
    /// <paramref name="next"/>.</summary>
    /// <param name="tuple">The numbers of a generated token (result channels), or of a token of the prompt (all position channels).</param>
    /// <param name="next">One number for each result channel; empty if nobody wants them.</param>
    public abstract void Step(ReadOnlySpan<double> tuple, Span<double> next);

    /// <summary>Adds an entry to external store <paramref name="store"/>: a token with a positional encoding.</summary>
    public abstract void Append(int store, int token, ReadOnlySpan<double> position);

    /// <summary>Forgets the sequence and the stores.</summary>
    public abstract void Clear();

    /// <summary>Bytes that the engine holds for the sequence and the stores so far.</summary>
    public abstract long StateBytes { get; }

    private protected void CheckTuple(int numbers, int next)
    {
        TransformerConfig config = Weights.Config;
        int results = config.ResultChannels.Length;
        if (results == 0 || (numbers != results && numbers != config.PositionChannels.Length) || (next != 0 && next != results))
        {
            throw new EmlException(ErrorCode.Shape,
                $"a token of {numbers} numbers, {next} for the next; this transformer takes {results} or {config.PositionChannels.Length} and gives {results}");
        }
    }

    /// <summary>Embedding plus positional encoding into <paramref name="stream"/> (d_model).</summary>
    private protected void Embed(int token, ReadOnlySpan<double> position, Span<double> stream)
    {
        TransformerConfig config = Weights.Config;
        if ((uint)token >= (uint)config.Vocabulary)
        {
            throw new EmlException(ErrorCode.Argument, $"token {token} is not in the vocabulary of {config.Vocabulary} tokens (0 to {config.Vocabulary - 1})");
        }
        if (position.Length != config.PositionChannels.Length)
        {
            throw new EmlException(ErrorCode.Shape,
                $"a positional encoding has {position.Length} numbers; this transformer takes {config.PositionChannels.Length}");
        }
        Weights.TokenEmbedding.AsSpan(token * config.ModelWidth, config.ModelWidth).CopyTo(stream);
        for (int i = 0; i < position.Length; i++)
        {
            stream[config.PositionChannels[i]] += position[i];
        }
    }
}
