using System.Text;
using Eml.Functions.Expressions;

namespace Eml.Formats;

/// <summary>
/// Names of inputs and outputs in formulas for people: the user's, made into identifiers, if they stay different from each
/// other and from everything else, otherwise x0, x1, … and y.
/// </summary>
internal sealed class FormulaNames
{
    private static readonly string[] s_functions = ["exp", "ln", "abs", "min", "max", "clamp", "positive_or"];

    private readonly Formula _formula;
    private readonly string[]? _inputs;
    private readonly string[]? _outputs;

    public FormulaNames(Formula formula)
    {
        _formula = formula;
        var taken = new HashSet<string>(s_functions.Concat(formula.Definitions.Select(d => d.Name)), StringComparer.Ordinal);
        _inputs = Take(formula.InputNames, taken);
        _outputs = Take(formula.OutputNames, taken);
    }

    /// <summary>Whether the name is the user's.</summary>
    public bool HasInputs => _inputs is not null;

    public bool HasOutputs => _outputs is not null;

    public string Input(int index) => _inputs?[index] ?? $"x{index}";

    public string Output(int index) => _outputs?[index] ?? (_formula.Outputs.Count == 1 ? "y" : $"y{index}");

    public string Definition(int index) => _formula.Definitions[index].Name;

    /// <summary>Text for a comment: nothing that could end one.</summary>
    public static string Comment(string text)
    {
        var safe = new StringBuilder();
        foreach (Rune c in text.EnumerateRunes())
        {
            safe.Append(Rune.IsLetterOrDigit(c) || (c.IsAscii && " _-.,:;()+=%<>|&#@!".Contains((char)c.Value)) ? c.ToString() : "_");
        }

        return safe.ToString();
    }

    private static string[]? Take(IReadOnlyList<string>? names, HashSet<string> taken)
    {
        if (names is null)
        {
            return null;
        }

        string[] identifiers = [.. names.Select(Identifier)];
        if (identifiers.Any(n => n.Length == 0 || !char.IsLetter(n[0])) ||
            identifiers.Distinct(StringComparer.Ordinal).Count() < identifiers.Length || identifiers.Any(taken.Contains))
        {
            return null;
        }

        taken.UnionWith(identifiers);
        return identifiers;
    }

    private static string Identifier(string name) =>
        string.Concat(name.Select(c => char.IsLetterOrDigit(c) ? c : '_'));
}
