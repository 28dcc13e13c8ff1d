using System.Diagnostics;
using System.Globalization;
using Eml.Functions;

namespace Eml.Cli;

/// <summary>
/// Shows on standard error how far a training is: a bar on a terminal; elsewhere a line when a phase starts and then one a
/// second. What a phase is called is up to whoever trains something else than a model.
/// </summary>
internal sealed class Progress(Func<TrainProgress, string>? label = null) : IDisposable
{
    private const int BarWidth = 30;
    private const double BarInterval = 0.1;
    private const double LineInterval = 1;

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private double _shown;
    private int _phase;
    private bool _barOpen;

    /// <summary>Seconds since the work began.</summary>
    public double Seconds => _clock.Elapsed.TotalSeconds;

    /// <summary>Takes a report of the trainer; 0 asks it to go on.</summary>
    public int Report(TrainProgress progress)
    {
        double interval = Output.ErrorIsTerminal ? BarInterval : LineInterval;
        if (progress.Phase == _phase && Seconds - _shown < interval)
        {
            return 0;
        }

        _phase = progress.Phase;
        _shown = Seconds;
        string phase = label?.Invoke(progress) ?? progress.Phase switch { 1 => "restarts", 2 => "descent", _ => "snap" };
        string accepted = label is null ? "" : string.Create(CultureInfo.InvariantCulture, $"  {progress.Accepted} accepted");
        string counts = string.Create(CultureInfo.InvariantCulture,
            $"{progress.Step}/{progress.Total}{Loss(progress)}{accepted}  {_shown:F1} s");
        if (Output.ErrorIsTerminal)
        {
            int done = progress.Total > 0 ? (int)(BarWidth * Math.Min(progress.Step, progress.Total) / progress.Total) : 0;
            // \e[K clears what a longer line left behind.
            Output.Error.Write($"\r{phase,-8} [{new string('#', done)}{new string('.', BarWidth - done)}] {counts}\e[K");
            _barOpen = true;
        }
        else
        {
            Output.Error.WriteLine($"{phase} {counts}");
        }

        return 0;
    }

    // The largest double: not known yet.
    private static string Loss(TrainProgress progress) =>
        progress.Loss == double.MaxValue ? "" : $"  loss {Output.Short(progress.Loss)}";

    /// <summary>Takes the bar away, so that what is printed next starts on a clean line.</summary>
    public void Dispose()
    {
        if (_barOpen)
        {
            Output.Error.Write("\r\e[K");
            _barOpen = false;
        }
    }
}
