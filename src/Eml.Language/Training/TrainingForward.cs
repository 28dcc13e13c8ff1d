using Eml.Language.Kernels;

namespace Eml.Language;

/// <summary>The forward pass, the loss, and the gradient of the logits.</summary>
internal sealed unsafe partial class TrainingPass
{
    private void Forward(int part)
    {
        (int from, int to) = Own(part);
        int width = _config.ModelWidth;
        float* table = _tensors.Value("wte.weight");
        for (int t = from; t < to; t++)
        {
            long at = (long)t * width;
            Copy(table + ((long)_inputs[t] * width), _embedding + at, width);
            Pointwise.Norm(_embedding + at, _start + at, width);
            Copy(_start + at, _layers[0].Before + at, width);
        }
        for (int i = 0; i < _layers.Length; i++)
        {
            ForwardLayer(part, i, from, to);
        }
    }

    private void ForwardLayer(int part, int i, int from, int to)
    {
        Layer layer = _layers[i];
        int width = _config.ModelWidth;
        int tokens = to - from;
        long first = (long)from * width;
        for (int t = from; t < to; t++)
        {
            Mixed(i, t, layer.Middle);
            Pointwise.Norm(layer.Middle + ((long)t * width), _normed + ((long)t * width), width);
        }
        layer.QueryMatrix.Forward(_normed + first, tokens, layer.Query + ((long)from * _config.QueryWidth), _config.QueryWidth);
        layer.KeyMatrix.Forward(_normed + first, tokens, layer.Key + ((long)from * _config.KeyValueWidth), _config.KeyValueWidth);
        layer.ValueMatrix.Forward(_normed + first, tokens, layer.Value + ((long)from * _config.KeyValueWidth), _config.KeyValueWidth);
        for (int t = from; t < to; t++)
        {
            Turn(layer.Query + ((long)t * _config.QueryWidth), layer.QueryFactors + ((long)t * _config.Heads), _config.Heads, t % _length);
            Turn(layer.Key + ((long)t * _config.KeyValueWidth), layer.KeyFactors + ((long)t * _config.KeyValueHeads), _config.KeyValueHeads, t % _length);
            AddValueEmbedding(layer, t);
        }
        _team.Meet();
        EachHead(part, i, backward: false);
        _team.Meet();
        layer.Output.Forward(layer.Attended + ((long)from * _config.QueryWidth), tokens, _update + first, width);
        Pointwise.Add(layer.Middle + first, _update + first, tokens * width);
        for (int t = from; t < to; t++)
        {
            Pointwise.Norm(layer.Middle + ((long)t * width), _normed + ((long)t * width), width);
        }
        float* hidden = layer.Hidden + ((long)from * _config.HiddenWidth);
        layer.Up.Forward(_normed + first, tokens, hidden, _config.HiddenWidth);
        float* activated = _activated + ((long)from * _config.HiddenWidth);
        Copy(hidden, activated, (long)tokens * _config.HiddenWidth);
        Activate(layer, activated, tokens * _config.HiddenWidth);
        layer.Down.Forward(activated, tokens, _update + first, width);
        float* next = (i + 1 < _layers.Length ? _layers[i + 1].Before : _last) + first;
        Copy(layer.Middle + first, next, (long)tokens * width);
        Pointwise.Add(next, _update + first, tokens * width);
    }

    /// <summary>The stream that a layer begins with: resid_lambda x + x0_lambda x0.</summary>
    private void Mixed(int i, int t, float* to)
    {
        int width = _config.ModelWidth;
        long at = (long)t * width;
        Copy(_layers[i].Before + at, to + at, width);
        Pointwise.Mix(to + at, _tensors.Value("resid_lambdas")[i], _start + at, _tensors.Value("x0_lambdas")[i], width);
    }

    private void Turn(float* heads, float* factors, int count, int position)
    {
        int size = _config.HeadWidth;
        fixed (float* turns = _rope.Of(position))
        {
            for (int h = 0; h < count; h++)
            {
                float* head = heads + (h * size);
                Pointwise.Rotate(head, turns, size);
                factors[h] = 1.0f / MathF.Sqrt((MatrixProduct.Dot<F32>((byte*)head, head, size) / size) + 1e-5f);
                Pointwise.Scale(head, factors[h], size);
            }
        }
    }

    private void AddValueEmbedding(Layer layer, int t)
    {
        if (layer.Gate is null)
        {
            return;
        }
        int size = _config.HeadWidth;
        float* gate = _tensors.Values + layer.Gate.Start;
        float* embedding = _tensors.Values + layer.ValueEmbedding!.Start + ((long)_inputs[t] * _config.KeyValueWidth);
        for (int h = 0; h < _config.KeyValueHeads; h++)
        {
            float open = MatrixProduct.Dot<F32>((byte*)(gate + (h * LanguageConfig.GateInputs)), _normed + ((long)t * _config.ModelWidth), LanguageConfig.GateInputs);
            float factor = Pointwise.TwiceSigmoid(open);
            layer.Gates[((long)t * _config.KeyValueHeads) + h] = factor;
            Pointwise.Accumulate(layer.Value + ((long)t * _config.KeyValueWidth) + (h * size), embedding + (h * size), factor, size);
        }
    }

    /// <summary>Attention, or its gradient, for the sequences and heads of a thread.</summary>
    private void EachHead(int part, int i, bool backward)
    {
        Layer layer = _layers[i];
        int size = _config.HeadWidth;
        int group = _config.Heads / _config.KeyValueHeads;
        var blocks = new AttentionBlocks(size, _config.Window(i), _scratch[part].Scores, _scratch[part].DScores, _scratch[part].Panel);
        (int from, int to) = Share(part, _sequences * _config.KeyValueHeads, 1);
        for (int unit = from; unit < to; unit++)
        {
            (int sequence, int shared) = (unit / _config.KeyValueHeads, unit % _config.KeyValueHeads);
            long first = (long)sequence * _length;
            for (int h = shared * group; h < (shared + 1) * group; h++)
            {
                HeadRows rows = Rows(layer.Query, layer.Key, layer.Value, layer.Attended, first, h, shared);
                float* logs = layer.Logs + (first * _config.Heads) + h;
                if (backward)
                {
                    blocks.Backward(rows, Rows(_dQuery, _dKey, _dValue, _dAttended, first, h, shared), _length, logs, _config.Heads);
                }
                else
                {
                    blocks.Forward(rows, _length, logs, _config.Heads);
                }
            }
        }
    }

    private HeadRows Rows(float* query, float* key, float* value, float* result, long first, int head, int shared) => new()
    {
        Query = query + (first * _config.QueryWidth) + (head * _config.HeadWidth),
        Key = key + (first * _config.KeyValueWidth) + (shared * _config.HeadWidth),
        Value = value + (first * _config.KeyValueWidth) + (shared * _config.HeadWidth),
        Result = result + (first * _config.QueryWidth) + (head * _config.HeadWidth),
        QueryStride = _config.QueryWidth,
        KeyStride = _config.KeyValueWidth,
    };

    private void Activate(Layer layer, float* z, int count)
    {
        if (layer.K is TrainableTensor k)
        {
            Pointwise.Eml(z, _tensors.Values[k.Start], count);
        }
        else
        {
            Pointwise.SquaredRelu(z, count);
        }
    }

    /// <summary>Losses; for gradients also that of lm_head and of the stream.</summary>
    private void Predict(int part)
    {
        int width = _config.ModelWidth;
        int all = _sequences * _length;
        // Tokens are shared out anew.
        _team.Meet();
        for (int start = 0; start < all; start += LossTokens)
        {
            int count = Math.Min(LossTokens, all - start);
            (int from, int to) = Share(part, count, 4);
            for (int t = from; t < to; t++)
            {
                Pointwise.Norm(_last + ((long)(start + t) * width), _normed + ((long)(start + t) * width), width);
            }
            float* normed = _normed + ((long)(start + from) * width);
            float* logits = _logits + ((long)from * _config.VocabularySize);
            _head.Forward(normed, to - from, logits, _config.VocabularySize);
            for (int t = from; t < to; t++)
            {
                _losses[start + t] = Loss(_logits + ((long)t * _config.VocabularySize), _targets[start + t]);
            }
            if (_job == Job.Gradients)
            {
                _team.Meet();
                Accumulate(part, _head, _logits, _normed + ((long)start * width), count);
                float* gradient = _update + ((long)(start + from) * width);
                _head.Backward(logits, to - from, gradient, false, _scratch[part].Panel);
                for (int t = start + from; t < start + to; t++)
                {
                    long at = (long)t * width;
                    new Span<float>(_dStream + at, width).Clear();
                    Kernels.Gradients.Norm(_last + at, _update + at, _dStream + at, width);
                }
            }
            // The logits' place is used again.
            _team.Meet();
        }
    }

    /// <summary>The loss of a token; for gradients, its logits become the gradient of what was capped.</summary>
    private double Loss(float* logits, int target)
    {
        int count = _config.VocabularySize;
        if (target < 0)
        {
            new Span<float>(logits, count).Clear();
            return 0.0;
        }
        Pointwise.Cap(logits, count);
        double logSum = LogProbability.LogSumExp(new ReadOnlySpan<float>(logits, count));
        double loss = logSum - logits[target];
        if (_job == Job.Gradients)
        {
            // 1 - (y / 15)^2 is the derivative of the cap: y = 15 tanh(x / 15).
            float slope = Pointwise.CapSlope(logits[target]);
            Pointwise.LossGradient(logits, (float)logSum, _scale, count);
            logits[target] -= slope * _scale;
        }
        return loss;
    }

    private static void Copy(float* from, float* to, long count) => Buffer.MemoryCopy(from, to, count * sizeof(float), count * sizeof(float));
}
