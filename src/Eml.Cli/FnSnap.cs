using System.CommandLine;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml fn snap</c>: turns a model's parameters into simple constants where its data allow it.</summary>
internal static class FnSnap
{
    /// <summary>The verb.</summary>
    public static Command Create() => Snapping.Create("Model file of any format",
        "CSV file with the model's inputs and targets; - reads standard input",
        "Save the snapped model: .json, .safetensors or .pb", Open);

    private static Snapping.Subject Open(Snapping.Request request)
    {
        Store.CheckTarget(request.Out);
        EmlModel model = Store.LoadModel(request.Model);
        Record(model, request);
        return new Snapping.Subject(model, model.ParameterCount, model.Snap);
    }

    private static void Record(EmlModel model, Snapping.Request request)
    {
        string[] inputs = Names(model, ColumnNames.Inputs, model.Inputs, request.Model);
        string[] targets = Names(model, ColumnNames.Targets, model.Heads, request.Model);
        using CsvTable table = CsvTable.Open(request.Data);
        var samples = new Samples(table, table.Find(inputs, "input"), table.Find(targets, "target"));
        model.Record(samples.Inputs, samples.Targets, samples.Present, samples.Rows);
    }

    private static string[] Names(EmlModel model, string key, int count, string path) => ColumnNames.Find(model, key, count)
        ?? throw new EmlException(ErrorCode.State,
            $"{path}: does not say which columns are its {key}, as models of eml fn train do; its metadata key \"{key}\" must be a JSON array of {count} names");
}
