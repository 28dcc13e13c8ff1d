using System.Text.Json;
using Eml.Formulas;
using Eml.Numerics;
using Xunit.Abstractions;

namespace Eml.Tests.Formulas;

/// <summary>The search finds the golden targets again, no longer than they are.</summary>
public sealed class FormulaSearchTests(ITestOutputHelper output)
{
    [Fact]
    public void Golden_targets_are_found()
    {
        JsonElement[] targets = [.. JsonDocument.Parse(File.ReadAllBytes(Golden.PathOf("eml-expr", "targets.json"))).RootElement.Array("items")
            .Where(item => item.At("rpn").ValueKind == JsonValueKind.String)];
        Assert.True(targets.Length >= (Golden.IsFull ? 79 : 10));
        foreach (JsonElement target in targets)
        {
            var wanted = EmlForm.Parse(target.At("rpn").GetString()!);
            double[][] rows = [.. Rows(target).Where(row => double.IsFinite(wanted.Evaluate(row)))];
            double[] y = [.. rows.Select(row => wanted.Evaluate(row))];
            SearchResult found = FormulaSearch.Find(Columns(rows), y, new SearchOptions { MaxLength = wanted.Length, MaxFunctions = 300_000 });
            Assert.True(found.Form is not null, $"{target.At("id")}: {wanted} was not found");
            Assert.True(found.Form.Length <= wanted.Length);
            if (target.At("min_k").ValueKind == JsonValueKind.Number)
            {
                output.WriteLine($"{target.At("id")}: {found.Form}, shortest known {target.At("min_k")}");
                Assert.True(found.Exhausted < target.Int("min_k"), $"{target.At("id")}: a form of length {target.At("min_k")} is known, and {found.Exhausted} is said to be exhausted");
            }
            // On rows that the search did not see.
            var random = new Random(1);
            (double low, double high) = (target.At("domain").At("test").At("lo").GetDouble(), target.At("domain").At("test").At("hi").GetDouble());
            for (int i = 0; i < 200; i++)
            {
                double[] x = [low + (random.NextDouble() * (high - low)), low + (random.NextDouble() * (high - low))];
                double value = wanted.Evaluate(x);
                if (double.IsFinite(value))
                {
                    Assert.InRange(found.Form.Evaluate(x), value - (1e-9 * (Math.Abs(value) + 1.0)), value + (1e-9 * (Math.Abs(value) + 1.0)));
                }
            }
        }
    }

    [Theory]
    [InlineData("x/y", 17)]
    [InlineData("x*y", 17)]
    public void Laws_are_found_at_their_shortest_known_length(string law, int length)
    {
        double[][] rows = [.. Enumerable.Range(0, 400).Select(i => new[] { 1.1 + (i % 20 * 0.1), 1.15 + (i / 20 * 0.1) })];
        double[] y = [.. rows.Select(row => law == "x*y" ? row[0] * row[1] : row[0] / row[1])];
        SearchResult found = FormulaSearch.Find(Columns(rows), y, new SearchOptions { MaxLength = length, MaxFunctions = 300_000 });
        output.WriteLine($"{law}: {found.Form}, {found.Candidates} candidates, table {found.Functions} to K = {found.TableLength}");
        Assert.NotNull(found.Form);
        Assert.Equal(length, found.Form.Length);
        Assert.Equal(length - 2, found.Exhausted);
    }

    [Fact]
    public void What_is_no_form_of_that_length_is_not_found()
    {
        double[] x = [.. Enumerable.Range(0, 50).Select(i => 1.1 + (i * 0.05))];
        SearchResult found = FormulaSearch.Find([x], [.. x.Select(Math.Sin)], new SearchOptions { MaxLength = 17, MaxFunctions = 300_000 });
        Assert.Null(found.Form);
        Assert.Equal(17, found.Exhausted);
    }

    /// <summary>exp of them is beyond doubles.</summary>
    [Fact]
    public void Values_above_709_are_found()
    {
        double[] x = [.. Enumerable.Range(0, 59).Select(i => 1.1 + (i * 0.05))];
        SearchResult found = FormulaSearch.Find([x], [.. x.Select(v => EmlForm.Parse("x1E1E").Evaluate([v]))], new SearchOptions { MaxLength = 9, MaxFunctions = 300_000 });
        Assert.Equal("x1E1E", found.Form?.ToString());
        Assert.Equal(3, found.Exhausted);
    }

    /// <summary>Both sides of a form of length 2 T + 5 can be longer than T, the table's.</summary>
    [Fact]
    public void A_small_table_does_not_claim_more_than_it_tried()
    {
        double[] x = [.. Enumerable.Range(0, 50).Select(i => 1.1 + (i * 0.05))];
        SearchResult found = FormulaSearch.Find([x], [.. x.Select(Math.Sin)], new SearchOptions { MaxLength = 21, MaxFunctions = 100 });
        Assert.Null(found.Form);
        Assert.Equal(7, found.TableLength);
        Assert.Equal(17, found.Exhausted);
    }

    [Fact]
    public void Bad_data_are_refused_and_a_cancelled_search_says_how_far_it_came()
    {
        double[] x = [.. Enumerable.Range(0, 50).Select(i => 1.1 + (i * 0.05))];
        void Refused(ErrorCode code, double[][] columns, double[] y, SearchOptions? options = null) =>
            Assert.Equal(code, Assert.Throws<EmlException>(() => FormulaSearch.Find(columns, y, options ?? new SearchOptions())).Code);
        Refused(ErrorCode.Shape, [x], x[..^1]);
        Refused(ErrorCode.Shape, [x[..2]], x[..2]);
        Refused(ErrorCode.NonFinite, [x], [.. x.Select(_ => double.NaN)]);
        Refused(ErrorCode.Argument, [x, x], x); // two variables that are one
        Refused(ErrorCode.Argument, [x], x, new SearchOptions { MaxLength = 0 });
        var cancel = new Cancel();
        cancel.Set();
        SearchResult found = FormulaSearch.Find([x], [.. x.Select(Math.Sin)], new SearchOptions(), null, cancel);
        Assert.Null(found.Form);
        Assert.Equal(0, found.Exhausted);
    }

    private static double[][] Columns(double[][] rows) => [.. Enumerable.Range(0, rows[0].Length).Select(i => rows.Select(row => row[i]).ToArray())];

    /// <summary>The grid of a target's training domain, both ends included.</summary>
    private static double[][] Rows(JsonElement target)
    {
        JsonElement domain = target.At("domain").At("train");
        (double low, double high, double step) = (domain.At("lo").GetDouble(), domain.At("hi").GetDouble(), domain.At("step").GetDouble());
        double[] values = [.. Enumerable.Range(0, (int)Math.Round((high - low) / step) + 1).Select(i => low + (i * step))];
        return target.Int("arity") == 1 ? [.. values.Select(x => new[] { x })] : [.. values.SelectMany(x => values.Select(y => new[] { x, y }))];
    }
}
