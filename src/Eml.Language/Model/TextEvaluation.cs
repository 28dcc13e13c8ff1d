using Eml.Numerics;

namespace Eml.Language;

/// <summary>How well a model predicts a text.</summary>
/// <param name="Nats">Sum of -ln p over the predicted tokens that count bytes.</param>
/// <param name="Bytes">Bytes of those tokens.</param>
/// <param name="Tokens">Predicted tokens.</param>
/// <param name="MeanLoss">Mean of -ln p over all predicted tokens.</param>
public sealed record TextScore(double Nats, long Bytes, long Tokens, double MeanLoss)
{
    /// <summary>Bits that the model needs for a byte of the text; infinite if there is none.</summary>
    public double BitsPerByte => Bytes == 0 ? double.PositiveInfinity : Nats / (0.693147180559945309417 * Bytes);
}

/// <summary>Measures a model on a text.</summary>
public static class TextEvaluation
{
    /// <summary>Cuts <paramref name="tokens"/> into pieces that, with the token that begins a text (BOS) before each, are as long as the
    /// model's sequences, and predicts every token from those before it in its piece.</summary>
    /// <param name="session">It is begun anew for each piece.</param>
    /// <param name="tokens">The text.</param>
    /// <param name="bos">The token that begins a text.</param>
    /// <param name="tokenBytes">Bytes that a token counts, by token; tokens of 0 bytes add no nats. Empty: one byte each.</param>
    /// <param name="progress">Is told how many tokens are done.</param>
    /// <param name="cancel">Looked at within pieces.</param>
    /// <returns>The score, of what was done if cancelled.</returns>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: no such token.</exception>
    public static TextScore Measure(LanguageSession session, ReadOnlySpan<int> tokens, int bos, ReadOnlySpan<int> tokenBytes,
        Action<long>? progress = null, Cancel? cancel = null)
    {
        ArgumentNullException.ThrowIfNull(session);
        LanguageConfig config = session.Weights.Config;
        int length = config.SequenceLength;
        const int Group = 64;
        float[] logits = new float[Group * config.VocabularySize];
        (double nats, double all, long bytes, long count) = (0.0, 0.0, 0, 0);
        LanguageSession.CheckTokens(tokens, config);
        var inputs = new int[Group];
        for (int start = 0; start < tokens.Length; start += length)
        {
            session.Reset();
            ReadOnlySpan<int> piece = tokens.Slice(start, Math.Min(length, tokens.Length - start));
            for (int at = 0; at < piece.Length; at += Group)
            {
                int group = Math.Min(Group, piece.Length - at);
                for (int i = 0; i < group; i++)
                {
                    inputs[i] = at + i == 0 ? bos : piece[at + i - 1];
                }
                if (!session.ReadAll(inputs.AsSpan(0, group), logits, cancel))
                {
                    return new TextScore(nats, bytes, count, all / Math.Max(1, count));
                }
                for (int i = 0; i < group; i++)
                {
                    int target = piece[at + i];
                    double loss = -LogProbability.Of(logits.AsSpan(i * config.VocabularySize, config.VocabularySize), target);
                    int size = tokenBytes.IsEmpty ? 1 : tokenBytes[target];
                    nats += size > 0 ? loss : 0.0;
                    bytes += size;
                    all += loss;
                }
                count += group;
                progress?.Invoke(count);
            }
        }
        return new TextScore(nats, bytes, count, all / Math.Max(1, count));
    }
}
