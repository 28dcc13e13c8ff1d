using System.Text;
using Eml.Functions.Expressions;

namespace Eml.Formats;

/// <summary>
/// Formulas as source code in C, Rust and Python: one operation of the language for each of the formula's, in its order,
/// so that the code computes the model's bits. What that takes stands in the code's heading.
/// </summary>
internal sealed class SourceText
{
    private const string Condition =
        "Gives the bits of the model for finite inputs for which no intermediate result overflows, where exp and log are those\n" +
        "of glibc 2.28 or later on a CPU with FMA";

    private readonly StringBuilder _text = new();
    private readonly Formula _formula;
    private readonly Language _language;
    private readonly string _prefix;
    private readonly HashSet<Operation> _used = [];

    /// <summary>What differs between the languages inside an expression.</summary>
    private sealed record Language(string Prefix, string Exp, string Ln, string Absolute, string Nan, string Infinity);

    private SourceText(Formula formula, Language language)
    {
        _formula = formula;
        _language = language;
        _prefix = language.Prefix;
        foreach (Expression e in formula.Definitions.Select(d => d.Body).Concat(formula.Outputs))
        {
            Note(e);
        }
    }

    public static string C(Formula formula)
    {
        var source = new SourceText(formula, new Language("eml_", "EML_EXP", "EML_LN", "fabs", "NAN", "INFINITY"));
        string sizes = $"x has {formula.Inputs} element{(formula.Inputs == 1 ? "" : "s")}, y has {formula.Outputs.Count}";
        source.Lines($"/* {FormulaNames.Comment(formula.Title)}. {sizes}; they must not overlap.", Condition +
            ",\nor with libeml's: cc -include eml.h -DEML_EXP=eml_math_exp -DEML_LN=eml_math_ln ... -leml", "No product and sum may be contracted (-ffp-contract=off).");
        source.NamesOf("   ");
        source._text.Append(" */\n");
        source.Lines("#include <float.h>", "#include <math.h>", "",
            "#if FLT_EVAL_METHOD != 0", "#error \"doubles must be computed as doubles (-msse2 -mfpmath=sse)\"", "#endif",
            "#if defined(__GNUC__) && !defined(__clang__)",
            "#pragma GCC optimize(\"fp-contract=off\", \"no-tree-slp-vectorize\") /* gcc 12 vectorises to fmaddsub even so */",
            "#else", "#pragma STDC FP_CONTRACT OFF", "#endif", "",
            "#ifndef EML_FUNCTION", "#define EML_FUNCTION forward", "#endif",
            "#ifndef EML_EXP", "#define EML_EXP exp", "#endif",
            "#ifndef EML_LN", "#define EML_LN log", "#endif", "");
        source.Helper(Operation.Maximum, "static double eml_maximum(double a, double b) { return a > b ? a : b; }");
        source.Helper(Operation.Minimum, "static double eml_minimum(double a, double b) { return a < b ? a : b; }");
        source.Helper(Operation.Square, "static double eml_square(double a) { return a * a; }");
        source.Helper(Operation.Clamp, "static double eml_clamp(double a, double low, double high) { return a < low ? low : a > high ? high : a; }");
        source.Helper(Operation.PositiveOr, "static double eml_positive_or(double a, double b) { return a > 0 ? a : b; }");
        source.Lines("", "void EML_FUNCTION(const double *x, double *y);", "", "void EML_FUNCTION(const double *x, double *y)", "{");
        source.Definitions("  const double ", ";");
        for (int i = 0; i < formula.Outputs.Count; i++)
        {
            source.Statement($"  y[{i}]", formula.Outputs[i], ";");
        }

        source.Lines("  (void)x;", "  (void)y;", "}");
        return source._text.ToString();
    }

    public static string Rust(Formula formula)
    {
        var source = new SourceText(formula, new Language("", "f64::exp", "f64::ln", "f64::abs", "f64::NAN", "f64::INFINITY"));
        source.Lines($"// {FormulaNames.Comment(formula.Title)}.",
            "// " + (Condition + " (targets *-linux-gnu).").Replace("\n", "\n// ", StringComparison.Ordinal));
        source.NamesOf("// ");
        source.Lines("#[allow(clippy::all)]",
            $"pub fn forward(x: &[f64; {formula.Inputs}]) -> [f64; {formula.Outputs.Count}] {{");
        source.Helper(Operation.Maximum, "    fn maximum(a: f64, b: f64) -> f64 { if a > b { a } else { b } }");
        source.Helper(Operation.Minimum, "    fn minimum(a: f64, b: f64) -> f64 { if a < b { a } else { b } }");
        source.Helper(Operation.Square, "    fn square(a: f64) -> f64 { a * a }");
        source.Helper(Operation.Clamp, "    fn clamp(a: f64, low: f64, high: f64) -> f64 { if a < low { low } else if a > high { high } else { a } }");
        source.Helper(Operation.PositiveOr, "    fn positive_or(a: f64, b: f64) -> f64 { if a > 0.0 { a } else { b } }");
        source.Lines("    let _ = x;");
        source.Definitions("    let ", ";");
        source.Lines("    [");
        foreach (Expression output in formula.Outputs)
        {
            source._text.Append("        ");
            source.Put(output, 0);
            source._text.Append(",\n");
        }

        source.Lines("    ]", "}");
        return source._text.ToString();
    }

    public static string Python(Formula formula)
    {
        var source = new SourceText(formula, new Language("_", "math.exp", "math.log", "abs", "math.nan", "math.inf"));
        source.Lines($"# {FormulaNames.Comment(formula.Title)}.",
            "# " + (Condition + ".").Replace("\n", "\n# ", StringComparison.Ordinal));
        source.NamesOf("# ");
        source.Lines("import math", "", "");
        source.Helper(Operation.Maximum, "def _maximum(a, b):\n    return a if a > b else b\n\n");
        source.Helper(Operation.Minimum, "def _minimum(a, b):\n    return a if a < b else b\n\n");
        source.Helper(Operation.Square, "def _square(a):\n    return a * a\n\n");
        source.Helper(Operation.Clamp, "def _clamp(a, low, high):\n    return low if a < low else high if a > high else a\n\n");
        source.Helper(Operation.PositiveOr, "def _positive_or(a, b):\n    return a if a > 0 else b\n\n");
        source.Lines("def forward(x):",
            $"    \"\"\"{formula.Inputs} floats to a list of {formula.Outputs.Count}.\"\"\"");
        source.Definitions("    ", "");
        source.Lines("    return [");
        foreach (Expression output in formula.Outputs)
        {
            source._text.Append("        ");
            source.Put(output, 0);
            source._text.Append(",\n");
        }

        source.Lines("    ]");
        return source._text.ToString();
    }

    private void Lines(params ReadOnlySpan<string> lines)
    {
        foreach (string line in lines)
        {
            _text.Append(line).Append('\n');
        }
    }

    private void Helper(Operation operation, string line)
    {
        if (_used.Contains(operation))
        {
            Lines(line);
        }
    }

    private void NamesOf(string indent)
    {
        for (int i = 0; i < _formula.Inputs && _formula.InputNames is not null; i++)
        {
            Lines($"{indent}x[{i}]: {FormulaNames.Comment(_formula.InputNames[i])}");
        }

        for (int i = 0; i < _formula.Outputs.Count && _formula.OutputNames is not null; i++)
        {
            Lines($"{indent}y[{i}]: {FormulaNames.Comment(_formula.OutputNames[i])}");
        }
    }

    private void Definitions(string start, string end)
    {
        foreach (Definition definition in _formula.Definitions)
        {
            Statement(start + definition.Name, definition.Body, end);
        }
    }

    private void Statement(string target, Expression value, string end)
    {
        _text.Append(target).Append(" = ");
        Put(value, 0);
        _text.Append(end).Append('\n');
    }

    private void Put(Expression e, int binding)
    {
        switch (e.Operation)
        {
            case Operation.Constant:
                _text.Append(Literal(e.Value));
                break;
            case Operation.Input:
                _text.Append($"x[{e.Index}]");
                break;
            case Operation.Definition:
                _text.Append(_formula.Definitions[e.Index].Name);
                break;
            case Operation.Add:
                Pair(e, " + ", Binding.Sum, binding);
                break;
            case Operation.Subtract:
                Pair(e, " - ", Binding.Sum, binding);
                break;
            case Operation.Multiply:
                Pair(e, " * ", Binding.Product, binding);
                break;
            case Operation.Divide:
                Pair(e, " / ", Binding.Product, binding);
                break;
            case Operation.Exp:
                Call(_language.Exp, e);
                break;
            case Operation.Ln:
                Call(_language.Ln, e);
                break;
            case Operation.Absolute:
                Call(_language.Absolute, e);
                break;
            case Operation.Square:
                Call(_prefix + "square", e);
                break;
            case Operation.Maximum:
                Call(_prefix + "maximum", e);
                break;
            case Operation.Minimum:
                Call(_prefix + "minimum", e);
                break;
            case Operation.Clamp:
                Call(_prefix + "clamp", e, e.Low, e.High);
                break;
            default:
                Call(_prefix + "positive_or", e, e.Value);
                break;
        }
    }

    // Rounding makes addition and multiplication depend on the order: a right operand of the same kind keeps parentheses.
    private void Pair(Expression e, string sign, int own, int binding)
    {
        if (own < binding)
        {
            _text.Append('(');
        }

        Put(e.Left!, own);
        _text.Append(sign);
        Put(e.Right!, own + 1);
        if (own < binding)
        {
            _text.Append(')');
        }
    }

    private void Call(string function, Expression e, params ReadOnlySpan<double> constants)
    {
        _text.Append(function).Append('(');
        Put(e.Left!, 0);
        if (e.Right is not null)
        {
            _text.Append(", ");
            Put(e.Right, 0);
        }

        foreach (double constant in constants)
        {
            _text.Append(", ").Append(Literal(constant));
        }

        _text.Append(')');
    }

    private string Literal(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? _language.Nan : value < 0 ? $"(-{_language.Infinity})" : _language.Infinity;
        }

        string digits = FormulaText.Number(value);
        return digits.AsSpan().ContainsAny('.', 'e') ? digits : digits + ".0";
    }

    private void Note(Expression e)
    {
        _used.Add(e.Operation);
        if (e.Left is not null)
        {
            Note(e.Left);
            if (e.Right is not null)
            {
                Note(e.Right);
            }
        }
    }
}
