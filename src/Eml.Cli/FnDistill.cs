using System.CommandLine;
using System.Text.Json;
using Eml.Functions;

namespace Eml.Cli;

/// <summary><c>eml fn distill</c>: a shallower model that imitates a deeper one.</summary>
internal static class FnDistill
{
    private const int DefaultSamples = 1000;
    private const int FewestSamples = 50;
    private const int MostSamples = (int)CsvTable.MaxNumbers;

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "Model file of any format" };
        Option<int> depth = Arguments.Integer("--depth", 2, 4, "Depth of the new model, less than that of MODEL");
        depth.Required = true;
        Option<int> samples = Arguments.Integer("--samples", FewestSamples, MostSamples, "Random inputs to learn from");
        samples.DefaultValueFactory = _ => DefaultSamples;
        Option<string?> output = Arguments.Out("MODEL", "Save the new model: .json, .safetensors or .pb");
        output.Required = true;
        var command = new Command("distill", "Train a shallower model to imitate a deeper one") { model, depth, samples, output };
        command.SetAction(parse => Run(parse.GetRequiredValue(model), parse.GetValue(depth), parse.GetValue(samples),
            parse.GetRequiredValue(output)!, parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(string path, int depth, int samples, string output, bool json)
    {
        Store.CheckTarget(output);
        EmlModel teacher = Store.LoadModel(path);
        EmlModel student;
        TrainResult result;
        double seconds;
        using (var interrupt = new Interrupt())
        {
            using var progress = new Progress();
            student = teacher.Distill(depth, samples,
                new TrainOptions { Cancel = interrupt.Cancel, Progress = progress.Report }, out result);
            seconds = progress.Seconds;
        }

        foreach ((string key, string value) in teacher.Metadata)
            student.Metadata.TryAdd(key, value);

        string[] lost = Store.Save(student, output);
        bool cancelled = result.Status == TrainStatus.Cancelled;
        if (json)
        {
            Output.Json(o => Write(o, path, teacher, student, result, seconds, output, lost));
        }
        else
        {
            Output.Field("teacher", $"{path}: depth {teacher.Depth}, {Output.Count(teacher.ParameterCount, "parameter")}");
            Output.Field("student", $"depth {student.Depth}, {Output.Count(student.ParameterCount, "parameter")}");
            Output.Field("loss", $"{Output.Short(result.LossBefore)} before, {Output.Short(result.LossAfter)} after " +
                $"({(result.Converged ? "converged" : "not converged")}, {Output.Count(result.SamplesUsed, "sample")})");
            Output.Field("work", Describe.Work(result, seconds));
            if (cancelled)
                Output.Warn("interrupted: this is the best state reached");
            Output.Field("saved", output);
            Store.WarnOfLoss(output, lost);
        }

        return cancelled ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static void Write(Utf8JsonWriter json, string path, EmlModel teacher, EmlModel student, TrainResult result,
        double seconds, string output, string[] lost)
    {
        json.WriteString("model", path);
        json.WriteString("profile", Describe.Profile(student.Profile));
        json.WriteNumber("teacher_depth", teacher.Depth);
        json.WriteNumber("teacher_parameters", teacher.ParameterCount);
        json.WriteNumber("depth", student.Depth);
        json.WriteNumber("parameters", student.ParameterCount);
        json.WriteTraining(result, seconds);
        json.WriteString("out", output);
        json.Strings("lost", lost);
    }
}
