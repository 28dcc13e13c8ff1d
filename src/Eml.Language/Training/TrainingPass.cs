using Eml.Language.Kernels;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>Loss and gradients of a model on a batch of sequences of one length.</summary>
/// <remarks>
/// Each thread has some of the tokens for what is done token by token, some of the rows of each matrix for its gradient, and some of the
/// heads. Every sum has one order, so that the bits do not depend on the number of threads. Kept from the forward pass are the residual
/// stream before and within each layer, queries, keys, values, what attention gave, and z before the activation; the rest is computed again.
/// </remarks>
internal sealed unsafe partial class TrainingPass : IDisposable
{
    /// <summary>Tokens whose logits are there at a time.</summary>
    private const int LossTokens = 512;

    private readonly TrainableTensors _tensors;
    private readonly LanguageConfig _config;
    private readonly ThreadTeam _team;
    private readonly RopeTable _rope;
    private readonly FloatBuffers _buffers = new();
    private readonly Layer[] _layers;
    private readonly PackedMatrix _head;
    private readonly Scratch[] _scratch;
    private readonly int[] _inputs;
    private readonly int[] _targets;
    private readonly double[] _losses; // per token
    private readonly float[] _partial; // per token: a part of the gradient of a scalar
    private readonly float[] _partial2;
    private readonly float* _start; // x0 (tokens, n_embd)
    private readonly float* _embedding; // wte[id]
    private readonly float* _last; // the stream after the last layer
    private readonly float* _normed; // (tokens, n_embd)
    private readonly float* _update;
    private readonly float* _dStream; // gradient of the stream
    private readonly float* _dStart; // gradient of x0
    private readonly float* _dHidden; // (tokens, hidden)
    private readonly float* _activated; // (tokens, hidden)
    private readonly float* _dQuery; // (tokens, n_head head_dim)
    private readonly float* _dKey;
    private readonly float* _dValue;
    private readonly float* _dGate; // (tokens, n_kv_head)
    private readonly float* _logits; // (LossTokens, vocab)
    private readonly int _capacity;
    private int _sequences;
    private int _length;
    private float _scale;
    private Job _job;

    /// <param name="tensors">The weights, whose gradients are added to.</param>
    /// <param name="capacity">Tokens of a batch at most.</param>
    /// <param name="length">Tokens of a sequence at most.</param>
    /// <param name="threads">Threads.</param>
    public TrainingPass(TrainableTensors tensors, int capacity, int length, int threads)
    {
        _tensors = tensors;
        _config = tensors.Config;
        _capacity = capacity;
        _rope = new RopeTable(_config.HeadWidth);
        _inputs = new int[capacity];
        _targets = new int[capacity];
        _losses = new double[capacity];
        _partial = new float[capacity];
        _partial2 = new float[capacity];
        int width = _config.ModelWidth;
        _start = Tokens(width);
        _embedding = Tokens(width);
        _last = Tokens(width);
        _normed = Tokens(width);
        _update = Tokens(width);
        _dStream = Tokens(width);
        _dStart = Tokens(width);
        // They also hold gradients of the stream and of what attention gave.
        int widest = Math.Max(_config.HiddenWidth, Math.Max(width, _config.QueryWidth));
        _dHidden = Tokens(widest);
        _activated = Tokens(widest);
        _dQuery = Tokens(_config.QueryWidth);
        _dKey = Tokens(_config.KeyValueWidth);
        _dValue = Tokens(_config.KeyValueWidth);
        _dGate = Tokens(_config.KeyValueHeads);
        _logits = Floats(Math.Min(LossTokens, capacity) * (long)_config.VocabularySize);
        _head = Packed("lm_head.weight");
        _layers = [.. Enumerable.Range(0, _config.Layers).Select(MakeLayer)];
        int window = Enumerable.Range(0, _config.Layers).Max(_config.Window);
        long panel = Math.Max(AttentionBlocks.PanelFloats(window, length, _config.HeadWidth),
            Gemm.Panel * Math.Max((long)capacity, Math.Max(_config.VocabularySize, Math.Max(_config.HiddenWidth, Math.Max(width, _config.QueryWidth)))));
        // A thread's rows of a gradient, rounded up to blocks, with all tokens.
        long transposed = Math.Max((long)capacity * ((widest / threads) + 4), Math.Min(LossTokens, capacity) * (long)((_config.VocabularySize / threads) + 4));
        _scratch = [.. Enumerable.Range(0, threads).Select(_ => new Scratch(Floats(AttentionBlocks.ScoreFloats(window, length)),
            Floats(AttentionBlocks.ScoreFloats(window, length)), Floats(panel), Floats(transposed)))];
        _team = new ThreadTeam(threads, Work);
    }

    private enum Job
    {
        Pack,
        Loss,
        Gradients,
    }

    /// <summary>Bytes of the activations and buffers.</summary>
    public long Bytes => _buffers.Bytes;

    /// <summary>Threads.</summary>
    public int Threads => _team.Count;

    /// <summary>Must be called after the weights have changed.</summary>
    public void Pack()
    {
        _job = Job.Pack;
        _team.Run();
    }

    /// <summary>The sum of the losses over all targets but -1, without gradients.</summary>
    /// <param name="inputs">(sequences, length)</param>
    /// <param name="targets">Likewise; -1 counts nothing.</param>
    /// <param name="length">Tokens of a sequence.</param>
    public double Loss(ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets, int length) => Run(Job.Loss, inputs, targets, length, 0.0f);

    /// <summary>The same, and <paramref name="scale"/> times its gradients are added to those of the weights.</summary>
    public double Gradients(ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets, int length, float scale) => Run(Job.Gradients, inputs, targets, length, scale);

    /// <summary>Loss of each token of the last batch, 0 for targets of -1.</summary>
    public ReadOnlySpan<double> Losses => _losses.AsSpan(0, _sequences * _length);

    /// <summary>Does other work on the threads of the pass.</summary>
    public ThreadTeam Team => _team;

    public void Dispose()
    {
        _team.Dispose();
        _buffers.Dispose();
    }

    private double Run(Job job, ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets, int length, float scale)
    {
        if (inputs.Length == 0 || inputs.Length > _capacity || inputs.Length % length != 0 || targets.Length != inputs.Length)
        {
            throw new EmlException(ErrorCode.Shape, $"training: {inputs.Length} inputs and {targets.Length} targets in sequences of {length}; at most {_capacity} fit");
        }
        LanguageSession.CheckTokens(inputs, _config);
        inputs.CopyTo(_inputs);
        targets.CopyTo(_targets);
        for (int t = 0; t < targets.Length; t++)
        {
            if (targets[t] < -1 || targets[t] >= _config.VocabularySize)
            {
                throw new EmlException(ErrorCode.Argument, $"training: target {t} is {targets[t]}; targets are tokens, or -1 for none", t);
            }
        }
        (_job, _sequences, _length, _scale) = (job, inputs.Length / length, length, scale);
        _team.Run();
        double sum = 0.0;
        foreach (double loss in Losses)
        {
            sum += loss;
        }
        return sum;
    }

    private void Work(int part)
    {
        if (_job == Job.Pack)
        {
            foreach (PackedMatrix matrix in _layers.SelectMany(layer => layer.Matrices).Append(_head))
            {
                matrix.Pack(part, _team.Count);
            }
            return;
        }
        Forward(part);
        Predict(part);
        if (_job == Job.Gradients)
        {
            Backward(part);
        }
    }

    /// <summary>The tokens of a thread.</summary>
    private (int From, int To) Own(int part) => Share(part, _sequences * _length, 4);

    private (int From, int To) Share(int part, int count, int block)
    {
        int blocks = (count + block - 1) / block;
        return ((int)((long)blocks * part / _team.Count) * block, Math.Min(count, (int)((long)blocks * (part + 1) / _team.Count) * block));
    }

    /// <summary>Rows of a matrix's gradient that a thread adds to.</summary>
    private void Accumulate(int part, PackedMatrix matrix, float* dy, float* x, int tokens)
    {
        (int from, int to) = Share(part, matrix.Rows, 4);
        matrix.Accumulate(dy, x, tokens, from, to, _scratch[part].Transposed, _scratch[part].Panel);
    }

    private Layer MakeLayer(int i)
    {
        bool hasEmbedding = _config.HasValueEmbedding(i);
        return new Layer(
            [Packed($"blocks.{i}.attn.c_q.weight"), Packed($"blocks.{i}.attn.c_k.weight"), Packed($"blocks.{i}.attn.c_v.weight"),
                Packed($"blocks.{i}.attn.c_proj.weight"), Packed($"blocks.{i}.mlp.c_fc.weight"), Packed($"blocks.{i}.mlp.c_proj.weight")])
        {
            Gate = hasEmbedding ? _tensors[$"blocks.{i}.attn.ve_gate.weight"] : null,
            ValueEmbedding = hasEmbedding ? _tensors[$"value_embeds.{i}.weight"] : null,
            K = _config.Activation == LanguageActivation.Eml ? _tensors[$"blocks.{i}.mlp.eml_k"] : null,
            Before = Tokens(_config.ModelWidth),
            Middle = Tokens(_config.ModelWidth),
            Query = Tokens(_config.QueryWidth),
            Key = Tokens(_config.KeyValueWidth),
            Value = Tokens(_config.KeyValueWidth),
            Attended = Tokens(_config.QueryWidth),
            QueryFactors = Tokens(_config.Heads),
            KeyFactors = Tokens(_config.KeyValueHeads),
            Gates = Tokens(_config.KeyValueHeads),
            Logs = Tokens(_config.Heads),
            Hidden = Tokens(_config.HiddenWidth),
        };
    }

    private PackedMatrix Packed(string name) => new(_tensors, name, Floats(PackedMatrix.Floats(_tensors[name])));

    private float* Tokens(int width) => Floats((long)_capacity * width);

    private float* Floats(long count) => _buffers.Take(count);

    /// <summary>What each thread has for itself.</summary>
    private sealed class Scratch(float* scores, float* dScores, float* panel, float* transposed)
    {
        public float* Scores { get; } = scores;

        public float* DScores { get; } = dScores;

        public float* Panel { get; } = panel;

        public float* Transposed { get; } = transposed;
    }

    /// <summary>A layer's matrices, and what is kept of the forward pass.</summary>
    private sealed class Layer(PackedMatrix[] matrices)
    {
        public PackedMatrix[] Matrices { get; } = matrices;

        public PackedMatrix QueryMatrix => Matrices[0];

        public PackedMatrix KeyMatrix => Matrices[1];

        public PackedMatrix ValueMatrix => Matrices[2];

        public PackedMatrix Output => Matrices[3];

        public PackedMatrix Up => Matrices[4];

        public PackedMatrix Down => Matrices[5];

        public TrainableTensor? Gate { get; init; }

        public TrainableTensor? ValueEmbedding { get; init; }

        public TrainableTensor? K { get; init; }

        /// <summary>The stream before the layer: (tokens, n_embd).</summary>
        public float* Before { get; init; }

        /// <summary>The stream after attention.</summary>
        public float* Middle { get; init; }

        /// <summary>Turned and normed: (tokens, n_head head_dim).</summary>
        public float* Query { get; init; }

        public float* Key { get; init; }

        /// <summary>With the value embedding.</summary>
        public float* Value { get; init; }

        public float* Attended { get; init; }

        /// <summary>What the norm multiplied by: (tokens, n_head).</summary>
        public float* QueryFactors { get; init; }

        public float* KeyFactors { get; init; }

        /// <summary>Of the value embeddings: (tokens, n_kv_head).</summary>
        public float* Gates { get; init; }

        /// <summary>ln of the sum of exponentials: (tokens, n_head).</summary>
        public float* Logs { get; init; }

        /// <summary>z before the activation: (tokens, hidden).</summary>
        public float* Hidden { get; init; }
    }
}
