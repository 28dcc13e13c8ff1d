using Eml.Language.Kernels;

namespace Eml.Language;

/// <summary>The backward pass: _dStream is the gradient of the stream after a layer, and becomes that before it.</summary>
internal sealed unsafe partial class TrainingPass
{
    /// <summary>Gradient of what attention gave; the place of the activation is free by then.</summary>
    private float* _dAttended => _activated;

    private void Backward(int part)
    {
        (int from, int to) = Own(part);
        int width = _config.ModelWidth;
        new Span<float>(_dStart + ((long)from * width), (to - from) * width).Clear();
        for (int i = _layers.Length - 1; i >= 0; i--)
        {
            FeedForward(part, _layers[i], from, to);
            Attention(part, i, from, to);
        }
        // x = x0 = norm(wte[id])
        for (int t = from; t < to; t++)
        {
            long at = (long)t * width;
            Pointwise.Add(_dStart + at, _dStream + at, width);
            new Span<float>(_update + at, width).Clear();
            Kernels.Gradients.Norm(_embedding + at, _dStart + at, _update + at, width);
        }
        _team.Meet();
        Scatter(part, _update, width, _tensors.Gradient("wte.weight"));
    }

    private void FeedForward(int part, Layer layer, int from, int to)
    {
        int width = _config.ModelWidth, hidden = _config.HiddenWidth;
        int tokens = to - from;
        long first = (long)from * width, firstHidden = (long)from * hidden;
        Copy(layer.Hidden + firstHidden, _activated + firstHidden, (long)tokens * hidden);
        Activate(layer, _activated + firstHidden, tokens * hidden);
        layer.Down.Backward(_dStream + first, tokens, _dHidden + firstHidden, false, _scratch[part].Panel);
        _team.Meet();
        Accumulate(part, layer.Down, _dStream, _activated, _sequences * _length);
        for (int t = from; t < to; t++)
        {
            float* z = layer.Hidden + ((long)t * hidden);
            float* gradient = _dHidden + ((long)t * hidden);
            if (layer.K is TrainableTensor k)
            {
                _partial[t] = Kernels.Gradients.Eml(z, _tensors.Values[k.Start], gradient, hidden);
            }
            else
            {
                Kernels.Gradients.SquaredRelu(z, gradient, hidden);
            }
            Pointwise.Norm(layer.Middle + ((long)t * width), _normed + ((long)t * width), width);
        }
        layer.Up.Backward(_dHidden + firstHidden, tokens, _update + first, false, _scratch[part].Panel);
        _team.Meet();
        Accumulate(part, layer.Up, _dHidden, _normed, _sequences * _length);
        if (part == 0 && layer.K is TrainableTensor ofK)
        {
            _tensors.Gradients[ofK.Start] += Total(_partial);
        }
        for (int t = from; t < to; t++)
        {
            long at = (long)t * width;
            Kernels.Gradients.Norm(layer.Middle + at, _update + at, _dStream + at, width);
        }
        layer.Output.Backward(_dStream + first, tokens, _dAttended + ((long)from * _config.QueryWidth), false, _scratch[part].Panel);
        _team.Meet();
        Accumulate(part, layer.Output, _dStream, layer.Attended, _sequences * _length);
    }

    private void Attention(int part, int i, int from, int to)
    {
        Layer layer = _layers[i];
        int width = _config.ModelWidth;
        int tokens = to - from;
        long first = (long)from * width, firstQuery = (long)from * _config.QueryWidth, firstKey = (long)from * _config.KeyValueWidth;
        // Whoever has a head adds to these; nobody reads them before.
        new Span<float>(_dKey + firstKey, tokens * _config.KeyValueWidth).Clear();
        new Span<float>(_dValue + firstKey, tokens * _config.KeyValueWidth).Clear();
        _team.Meet();
        EachHead(part, i, backward: true);
        _team.Meet();
        for (int t = from; t < to; t++)
        {
            Mixed(i, t, _update);
            Pointwise.Norm(_update + ((long)t * width), _normed + ((long)t * width), width);
            TurnBack(layer.Query + ((long)t * _config.QueryWidth), layer.QueryFactors + ((long)t * _config.Heads), _dQuery + ((long)t * _config.QueryWidth), _config.Heads, t % _length);
            TurnBack(layer.Key + ((long)t * _config.KeyValueWidth), layer.KeyFactors + ((long)t * _config.KeyValueHeads), _dKey + ((long)t * _config.KeyValueWidth),
                _config.KeyValueHeads, t % _length);
        }
        float* gradient = _dHidden + first;
        layer.QueryMatrix.Backward(_dQuery + firstQuery, tokens, gradient, false, _scratch[part].Panel);
        layer.KeyMatrix.Backward(_dKey + firstKey, tokens, gradient, true, _scratch[part].Panel);
        layer.ValueMatrix.Backward(_dValue + firstKey, tokens, gradient, true, _scratch[part].Panel);
        for (int t = from; t < to && layer.Gate is not null; t++)
        {
            OpenGate(layer, t);
        }
        _team.Meet();
        int all = _sequences * _length;
        Accumulate(part, layer.QueryMatrix, _dQuery, _normed, all);
        Accumulate(part, layer.KeyMatrix, _dKey, _normed, all);
        Accumulate(part, layer.ValueMatrix, _dValue, _normed, all);
        if (layer.Gate is not null)
        {
            GateGradients(part, layer);
        }
        for (int t = from; t < to; t++)
        {
            long at = (long)t * width;
            Kernels.Gradients.Norm(_update + at, _dHidden + at, _dStream + at, width);
            _partial[t] = MatrixProduct.Dot<F32>((byte*)(_dStream + at), layer.Before + at, width);
            _partial2[t] = MatrixProduct.Dot<F32>((byte*)(_dStream + at), _start + at, width);
            Pointwise.Accumulate(_dStart + at, _dStream + at, _tensors.Value("x0_lambdas")[i], width);
            Pointwise.Scale(_dStream + at, _tensors.Value("resid_lambdas")[i], width);
        }
        _team.Meet();
        if (part == 0)
        {
            _tensors.Gradient("resid_lambdas")[i] += Total(_partial);
            _tensors.Gradient("x0_lambdas")[i] += Total(_partial2);
        }
        _team.Meet();
    }

    private void TurnBack(float* heads, float* factors, float* gradients, int count, int position)
    {
        int size = _config.HeadWidth;
        fixed (float* turns = _rope.Of(position))
        {
            for (int h = 0; h < count; h++)
            {
                Kernels.Gradients.Normed(heads + (h * size), factors[h], gradients + (h * size), size);
                Kernels.Gradients.Rotate(gradients + (h * size), turns, size);
            }
        }
    }

    /// <summary>Gradient of a token's gates, and what flows through them to the normed stream.</summary>
    private void OpenGate(Layer layer, int t)
    {
        int size = _config.HeadWidth;
        float* embedding = _tensors.Values + layer.ValueEmbedding!.Start + ((long)_inputs[t] * _config.KeyValueWidth);
        for (int h = 0; h < _config.KeyValueHeads; h++)
        {
            long at = ((long)t * _config.KeyValueHeads) + h;
            float along = MatrixProduct.Dot<F32>((byte*)(_dValue + ((long)t * _config.KeyValueWidth) + (h * size)), embedding + (h * size), size);
            // g = 2 sigmoid(s): dg/ds = g (1 - g / 2)
            float g = layer.Gates[at];
            _dGate[at] = along * (g * (1.0f - (0.5f * g)));
            Pointwise.Accumulate(_dHidden + ((long)t * _config.ModelWidth), _tensors.Values + layer.Gate!.Start + (h * LanguageConfig.GateInputs), _dGate[at], LanguageConfig.GateInputs);
        }
    }

    private void GateGradients(int part, Layer layer)
    {
        int all = _sequences * _length;
        (int from, int to) = Share(part, _config.KeyValueHeads, 1);
        for (int h = from; h < to; h++)
        {
            float* gradient = _tensors.Gradients + layer.Gate!.Start + (h * LanguageConfig.GateInputs);
            for (int t = 0; t < all; t++)
            {
                Pointwise.Accumulate(gradient, _normed + ((long)t * _config.ModelWidth), _dGate[((long)t * _config.KeyValueHeads) + h], LanguageConfig.GateInputs);
            }
            // The embedding's part of v is g e.
            int size = _config.HeadWidth;
            float* table = _tensors.Gradients + layer.ValueEmbedding!.Start + (h * size);
            for (int t = 0; t < all; t++)
            {
                Pointwise.Accumulate(table + ((long)_inputs[t] * _config.KeyValueWidth), _dValue + ((long)t * _config.KeyValueWidth) + (h * size),
                    layer.Gates[((long)t * _config.KeyValueHeads) + h], size);
            }
        }
    }

    /// <summary>Adds rows to the gradient of an embedding; each thread has some columns, so that tokens are added in order.</summary>
    private void Scatter(int part, float* rows, int width, float* table)
    {
        (int from, int to) = Share(part, width, Lanes.Width);
        for (int t = 0; t < _sequences * _length && to > from; t++)
        {
            Pointwise.Add(table + ((long)_inputs[t] * width) + from, rows + ((long)t * width) + from, to - from);
        }
    }

    private float Total(float[] parts)
    {
        double sum = 0.0;
        for (int t = 0; t < _sequences * _length; t++)
        {
            sum += parts[t];
        }
        return (float)sum;
    }
}
