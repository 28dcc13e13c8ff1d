using System.CommandLine;
using Eml.Functions;
using Eml.Functions.Expressions;

namespace Eml.Cli;

/// <summary><c>eml fn show</c>: a learned function as a formula or as source code.</summary>
internal static class FnShow
{
    /// <summary>The verb.</summary>
    public static Command Create() =>
        Showing.Create("Write a learned function as a formula or as source code", "Model file of any format", Open);

    private static (Formula, Showing.ReadRows) Open(string path)
    {
        object content = Store.Load(path);
        if (content is AttentionBlock or EmlAttention)
            return AttnShow.Open(content, path);

        string[]? names = null;
        Formula formula;
        if (content is EmlModel model)
        {
            names = ColumnNames.Find(model, ColumnNames.Inputs, model.Inputs);
            formula = model.ToFormula().WithNames(names, ColumnNames.Find(model, ColumnNames.Targets, model.Heads));
        }
        else
        {
            formula = Store.Tree(content)!.ToFormula();
        }

        return (formula, Rows);

        ReadOnlySpan<double> Rows(string data)
        {
            using CsvTable table = CsvTable.Open(data);
            return new Samples(table, FnPredict.Columns(names, formula.Inputs, path, table), []).Inputs;
        }
    }
}
