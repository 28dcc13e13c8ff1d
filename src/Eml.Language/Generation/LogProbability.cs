using Eml.Language.Kernels;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>Natural logarithms of probabilities that logits stand for.</summary>
public static unsafe class LogProbability
{
    /// <summary>ln softmax(logits)[token].</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: no such token.</exception>
    public static double Of(ReadOnlySpan<float> logits, int token)
    {
        if ((uint)token >= (uint)logits.Length)
        {
            throw new EmlException(ErrorCode.Argument, $"log-probability: token {token} of {logits.Length}");
        }
        return logits[token] - LogSumExp(logits);
    }

    /// <summary>ln of the sum of exp(logit), the terms in binary32, their sum in binary64.</summary>
    public static double LogSumExp(ReadOnlySpan<float> logits)
    {
        const int Block = 256;
        float* terms = stackalloc float[Block];
        float largest = float.NegativeInfinity;
        foreach (float logit in logits)
        {
            largest = MathF.Max(largest, logit);
        }
        double sum = 0.0;
        for (int start = 0; start < logits.Length; start += Block)
        {
            int count = Math.Min(Block, logits.Length - start);
            logits.Slice(start, count).CopyTo(new Span<float>(terms, count));
            Pointwise.Exponentials(terms, largest, count);
            for (int i = 0; i < count; i++)
            {
                sum += terms[i];
            }
        }
        return largest + Ln.Of(sum);
    }
}
