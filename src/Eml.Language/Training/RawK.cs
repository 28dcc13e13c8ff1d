using Eml.Numerics;

namespace Eml.Language;

/// <summary>What is trained in the place of each layer's k: raw with k = 1e-6 + ln(1 + exp(raw)), and its moments. So k can leave the floor
/// again.</summary>
internal sealed unsafe class RawK
{
    private readonly TrainableTensors _tensors;
    private readonly int _layers;
    private readonly float[] _state; // (3, layers): raw, mean, square
    private readonly float[] _gradients;

    public RawK(TrainableTensors tensors)
    {
        _tensors = tensors;
        _layers = tensors.Config.Activation == LanguageActivation.Eml ? tensors.Config.Layers : 0;
        _state = new float[3 * tensors.Config.Layers];
        _gradients = new float[_layers];
        for (int i = 0; i < _layers; i++)
        {
            // The inverse of softplus; far below the floor there is no number for it.
            double above = Math.Max(*K(i) - 1e-6, 1e-7);
            _state[i] = (float)Ln.Of(Exp.Of(above) - 1.0);
        }
        Set(float.MaxValue);
    }

    public ReadOnlySpan<float> State => _state;

    public void Restore(float[] state) => state.CopyTo(_state.AsSpan());

    /// <summary>Takes the gradients of k, so that the update of the tensors leaves it alone.</summary>
    public void Take()
    {
        for (int i = 0; i < _layers; i++)
        {
            float* gradient = _tensors.Gradient($"blocks.{i}.mlp.eml_k");
            // d softplus(raw) / d raw = 1 / (1 + exp(-raw))
            _gradients[i] = (float)(*gradient / (1.0 + Exp.Of(-_state[i])));
            *gradient = 0.0f;
        }
    }

    /// <summary>AdamW on raw, and k from it.</summary>
    public void Update(long step, double multiplier, float largest)
    {
        for (int i = 0; i < _layers; i++)
        {
            var group = AdamGroup.Of(_tensors[$"blocks.{i}.mlp.eml_k"], _tensors.Config.ModelWidth);
            ref float mean = ref _state[_layers + i];
            ref float square = ref _state[(2 * _layers) + i];
            mean = (float)((group.Beta1 * mean) + ((1.0 - group.Beta1) * _gradients[i]));
            square = (float)((group.Beta2 * square) + ((1.0 - group.Beta2) * _gradients[i] * _gradients[i]));
            double correction = 1.0 - Pow.Of(group.Beta2, step);
            double rate = group.Rate * multiplier / (1.0 - Pow.Of(group.Beta1, step));
            _state[i] -= (float)(rate * mean / (Math.Sqrt(square / correction) + 1e-10));
        }
        Set(largest);
    }

    private void Set(float largest)
    {
        for (int i = 0; i < _layers; i++)
        {
            double raw = _state[i];
            double softplus = raw > 30.0 ? raw : Ln.Of(1.0 + Exp.Of(raw));
            *K(i) = MathF.Min((float)(1e-6 + softplus), largest);
        }
    }

    private float* K(int layer) => _tensors.Value($"blocks.{layer}.mlp.eml_k");
}
