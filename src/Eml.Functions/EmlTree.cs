using Eml.Functions.Expressions;
using Eml.Numerics;

namespace Eml.Functions;

/// <summary>
/// eml-core's EmlTree: a tree of eml nodes, 2^(depth−1) leaves wide, one output ≥ 0. It owns no parameters.
/// </summary>
public sealed class EmlTree
{
    private readonly MixLayout _layout;

    /// <summary>depth 2…5, inputs ≥ 1.</summary>
    public EmlTree(int depth, int inputs)
    {
        EmlModel.CheckDepth("EmlTree", depth);
        if (inputs < 1)
        {
            throw new EmlException(ErrorCode.Argument, $"EmlTree inputs must be at least 1, got {inputs}");
        }

        Depth = depth;
        Inputs = inputs;
        _layout = MixLayout.Tree(depth, inputs);
    }

    /// <summary>2…5.</summary>
    public int Depth { get; }

    /// <summary>Values in a row.</summary>
    public int Inputs { get; }

    /// <summary>What <see cref="Evaluate"/> wants; eml-core counts 2, 8, 20 more than it reads at depth 3, 4, 5.</summary>
    public int ParameterCount => _layout.ParameterCount;

    /// <summary>x (rows, inputs) → y (rows).</summary>
    public void Evaluate(ReadOnlySpan<double> parameters, ReadOnlySpan<double> x, int rows, Span<double> y,
        bool allowNonFinite = false)
    {
        CheckCount(parameters);
        Check.Matrix("x", x, rows, Inputs, allowNonFinite);
        Check.Length("y", y.Length, rows, 1);
        if (!allowNonFinite)
        {
            Check.Finite("params", parameters);
        }

        new MixEvaluator(_layout, parameters.ToArray()).Rows(x, Inputs, rows, y, scaling: null);
    }

    /// <summary>The function with these parameters written out; see <see cref="Formula"/>.</summary>
    public Formula ToFormula(ReadOnlySpan<double> parameters)
    {
        CheckCount(parameters);
        Check.Finite("params", parameters);
        return FormulaOf.Mix($"EmlTree of depth {Depth}", Inputs, _layout, parameters, scaling: null);
    }

    private void CheckCount(ReadOnlySpan<double> parameters)
    {
        if (parameters.Length != ParameterCount)
        {
            throw new EmlException(ErrorCode.Shape,
                $"EmlTree of depth {Depth}: expected {ParameterCount} params, got {parameters.Length}");
        }
    }
}
