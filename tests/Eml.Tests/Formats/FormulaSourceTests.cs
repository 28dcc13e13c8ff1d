using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Eml.Formats;
using Eml.Functions;
using Eml.Functions.Expressions;
using Eml.Numerics;
using Eml.Tests.Functions;
using Xunit.Abstractions;

namespace Eml.Tests.Formats;

/// <summary>The source code of formulas, compiled and run: the functions' bits.</summary>
public sealed class FormulaSourceTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eml-formula-").FullName;
    private readonly List<FormulaCase> _cases = FormulaCase.All();

    [Fact]
    public void C_gives_the_functions_bits_whatever_contraction_and_optimisation()
    {
        var main = new StringBuilder("#include <stdio.h>\n#include <stdlib.h>\n");
        main.Append("static double x[65536], y[4096];\n");
        for (int i = 0; i < _cases.Count; i++)
        {
            File.WriteAllText(Path.Combine(_folder, $"f{i}.c"),
                $"#define EML_FUNCTION forward{i}\n{FormulaText.Write(_cases[i].Formula, FormulaFormat.C)}");
            main.Append($"void forward{i}(const double *x, double *y);\n");
        }

        main.Append("static void run(void (*f)(const double *, double *), int rows, int n, int m, FILE *in, FILE *out) {\n" +
            "  for (int i = 0; i < rows; i++) {\n    if (fread(x, 8, n, in) != (size_t)n) exit(1);\n    f(x, y);\n    fwrite(y, 8, m, out);\n  }\n}\n" +
            "int main(void) {\n  FILE *in = fopen(\"rows\", \"rb\"), *out = fopen(\"answers\", \"wb\");\n");
        for (int i = 0; i < _cases.Count; i++)
        {
            main.Append($"  run(forward{i}, {_cases[i].Count}, {_cases[i].Inputs}, {_cases[i].Heads}, in, out);\n");
        }

        File.WriteAllText(Path.Combine(_folder, "main.c"), main.Append("  return fclose(out);\n}\n").ToString());
        string[] sources = ["main.c", .. Enumerable.Range(0, _cases.Count).Select(i => $"f{i}.c")];
        string[] strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wmissing-prototypes", "-Werror"];
        string[] native = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? ["-march=x86-64-v3"] : [];
        foreach (string[] options in (string[][])[[.. strict, "-O0"], ["-O3", "-ffp-contract=fast", .. native]])
        {
            if (Run("cc", [.. options, "-o", "formulas", .. sources, "-lm"]))
            {
                Run(Path.Combine(_folder, "formulas"), []);
                CheckAnswers($"C {string.Join(' ', options)}");
            }
        }
    }

    [Fact]
    public void Rust_gives_the_functions_bits()
    {
        var main = new StringBuilder("#![deny(warnings)]\n");
        for (int i = 0; i < _cases.Count; i++)
        {
            File.WriteAllText(Path.Combine(_folder, $"f{i}.rs"), FormulaText.Write(_cases[i].Formula, FormulaFormat.Rust));
            main.Append($"mod f{i};\n");
        }

        main.Append("fn main() {\n    let bytes = std::fs::read(\"rows\").unwrap();\n" +
            "    let mut rows = bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap()));\n    let mut out = Vec::new();\n");
        for (int i = 0; i < _cases.Count; i++)
        {
            main.Append($"    for _ in 0..{_cases[i].Count} {{\n        let x: [f64; {_cases[i].Inputs}] = std::array::from_fn(|_| rows.next().unwrap());\n" +
                $"        for y in f{i}::forward(&x) {{ out.extend(y.to_le_bytes()); }}\n    }}\n");
        }

        File.WriteAllText(Path.Combine(_folder, "main.rs"), main.Append("    std::fs::write(\"answers\", out).unwrap();\n}\n").ToString());
        if (Run("rustc", ["--edition", "2021", "-O", "-o", "formulas", "main.rs"]))
        {
            Run(Path.Combine(_folder, "formulas"), []);
            CheckAnswers("Rust");
        }
    }

    [Fact]
    public void Python_gives_the_functions_bits()
    {
        var main = new StringBuilder("import array\nrows = array.array('d')\n" +
            "with open('rows', 'rb') as f: rows.frombytes(f.read())\nout, at = array.array('d'), 0\n");
        for (int i = 0; i < _cases.Count; i++)
        {
            File.WriteAllText(Path.Combine(_folder, $"f{i}.py"), FormulaText.Write(_cases[i].Formula, FormulaFormat.Python));
            main.Append($"import f{i}\nfor _ in range({_cases[i].Count}):\n    out.extend(f{i}.forward(rows[at:at + {_cases[i].Inputs}]))\n    at += {_cases[i].Inputs}\n");
        }

        File.WriteAllText(Path.Combine(_folder, "main.py"), main.Append("with open('answers', 'wb') as f: out.tofile(f)\n").ToString());
        if (Run("python3", ["-W", "error", "main.py"]))
        {
            CheckAnswers("Python");
        }
    }

    [Fact]
    public void Names_that_could_break_out_of_a_comment_do_not()
    {
        Formula formula = new EmlModel(2, 1, 1, Profile.Default).ToFormula().WithNames(["*/ evil(\n\"\\"], ["\u2028y"]);
        Assert.Contains("x[0]: __ evil(___ ", FormulaText.Write(formula, FormulaFormat.C).Replace("\n", " ", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("# x[0]: __ evil(___\n", FormulaText.Write(formula, FormulaFormat.Python), StringComparison.Ordinal);
    }

    [Fact]
    public void Formulas_for_people_use_the_users_names_and_fractions()
    {
        var model = new EmlModel(2, 2, 1, Profile.Default);
        model.SetParameters([0, 1, 0, 0, 0, 2, -0.25, 1.0 / 3, 0, 1.5e-7]);
        Formula formula = model.ToFormula().WithNames(["half life", "t"], ["dose"]);
        Assert.Equal(
            "dose = 1/3*half_life + 1.5e-7*(exp(clamp(half_life, -20, 10)) - ln(1 + clamp(2*t, -1000000, 1000000)^2)) - 0.25\n" +
            "# clamp(a, low, high): a, but at least low and at most high\n",
            FormulaText.Write(formula, FormulaFormat.Text));
        Assert.Equal(
            "% limits that the recorded samples never meet are left out: the formula holds for inputs within their ranges\n" +
            "\\begin{aligned}\n" +
            "\\mathrm{dose} &= \\frac{1}{3}\\,\\mathrm{half\\_life} + 1.5 \\cdot 10^{-7}\\,\\left(\\exp\\left(\\mathrm{half\\_life}\\right)" +
            " - \\ln\\left(1 + \\left(2\\,t\\right)^{2}\\right)\\right) - 0.25\n\\end{aligned}\n",
            FormulaText.Write(formula, FormulaFormat.Latex, [new(0, 1), new(0, 1)]));
    }

    [Fact]
    public void An_unknown_format_is_refused() => Assert.Equal(ErrorCode.Argument, Assert.Throws<EmlException>(() =>
        FormulaText.Write(new EmlModel(2, 1, 1, Profile.Default).ToFormula(), (FormulaFormat)9)).Code);

    public void Dispose() { }

    private void CheckAnswers(string what)
    {
        double[] answers = MemoryMarshal.Cast<byte, double>(File.ReadAllBytes(Path.Combine(_folder, "answers"))).ToArray();
        int at = 0;
        foreach (FormulaCase c in _cases)
        {
            Golden.AssertBits(c.Y, answers.AsSpan(at, c.Y.Length).ToArray(), $"{what}: {c.Name}");
            at += c.Y.Length;
        }

        Assert.Equal(answers.Length, at);
    }

    /// <summary>False: the program is not on this machine, and a line says so.</summary>
    private bool Run(string program, string[] arguments)
    {
        File.WriteAllBytes(Path.Combine(_folder, "rows"), MemoryMarshal.AsBytes<double>(_cases.SelectMany(c => c.X).ToArray()).ToArray());
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = _folder, RedirectStandardError = true };
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        try
        {
            using Process process = Process.Start(start)!;
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"{program} ends with {process.ExitCode}: {errors}");
            return true;
        }
        catch (Win32Exception)
        {
            output.WriteLine($"not run: this machine has no {program}");
            Console.WriteLine($"not run: formulas as source code, this machine has no {program}");
            return false;
        }
    }
}
