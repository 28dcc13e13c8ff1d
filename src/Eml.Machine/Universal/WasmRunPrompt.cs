using Eml.Machine.Transformer;

namespace Eml.Machine.Universal;

/// <summary>What the machine is given to run a function.</summary>
/// <param name="Fields">Names of a token's numbers.</param>
/// <param name="Tokens">The tokens of the prompt, each with all numbers.</param>
/// <param name="Start">The first token of the run: the numbers that the machine generates.</param>
public sealed record WasmRunPrompt(string[] Fields, IReadOnlyList<double[]> Tokens, double[] Start)
{
    /// <summary>Number of the field that says how to go on.</summary>
    public static int StatusField => (int)Field.Status;

    /// <summary>The status of a token that is simply followed by the next.</summary>
    public static int Running => (int)StepStatus.Running;

    /// <summary>The status of a token that hands over a value in <see cref="ValueFields"/>: a result, or an argument for the host.</summary>
    public static int Value => (int)StepStatus.HostArgument;

    /// <summary>Lower and upper 32 bits of the value.</summary>
    public static (int Low, int High) ValueFields => ((int)Field.Low, (int)Field.High);
}

/// <summary>Keeps the tokens that it is given and generates none.</summary>
internal sealed class PromptRecorder(TransformerWeights weights) : Engine(weights)
{
    public List<double[]> Tokens { get; } = [];

    public override long StateBytes => 0;

    public override int Step(int token, ReadOnlySpan<double> position) => 0;

    public override void Step(ReadOnlySpan<double> tuple, Span<double> next) => Tokens.Add(tuple.ToArray());

    public override void Append(int store, int token, ReadOnlySpan<double> position)
    {
    }

    public override void Clear() => Tokens.Clear();
}
