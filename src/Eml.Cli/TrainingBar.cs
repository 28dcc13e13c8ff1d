using System.Diagnostics;
using System.Globalization;
using Eml.Language;

namespace Eml.Cli;

/// <summary>Shows on standard error how far a training of a language model is: a bar with the loss's course on a terminal, elsewhere a line
/// every few seconds.</summary>
internal sealed class TrainingBar
{
    private const int Width = 24;
    private const int Course = 32;
    private const double BarInterval = 0.2, LineInterval = 5.0;
    private const string Heights = "▁▂▃▄▅▆▇█";

    private readonly List<double> _losses = [];
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private double _smooth = double.NaN;
    private double _rate;
    private double _shown = double.NegativeInfinity;
    private bool _isOpen;

    /// <summary>Takes a step.</summary>
    public void Show(TrainingStep step, TrainingPlan plan)
    {
        _smooth = double.IsNaN(_smooth) ? step.Loss : (0.9 * _smooth) + (0.1 * step.Loss);
        _rate = _rate == 0.0 ? step.Rate : (0.9 * _rate) + (0.1 * step.Rate);
        _losses.Add(_smooth);
        if (_clock.Elapsed.TotalSeconds - _shown < (Output.ErrorIsTerminal ? BarInterval : LineInterval))
        {
            return;
        }
        _shown = _clock.Elapsed.TotalSeconds;
        double left = step.Progress > 0.0 ? step.Seconds * (1.0 - step.Progress) / step.Progress : 0.0;
        string facts = string.Create(CultureInfo.InvariantCulture,
            $"step {step.Step}{(plan.Steps is long all ? $"/{all}" : "")}  loss {_smooth:F3}  {_rate:N0} tokens/s  {Time(left)} left");
        if (Output.ErrorIsTerminal)
        {
            int done = (int)(Width * step.Progress);
            Output.Error.Write($"\r[{new string('#', done)}{new string('.', Width - done)}] {facts}  {Curve()}\e[K");
            _isOpen = true;
        }
        else
        {
            Output.Error.WriteLine(facts);
        }
    }

    /// <summary>Prints a line that stays.</summary>
    public void Note(string text)
    {
        End();
        Output.Error.WriteLine(text);
    }

    /// <summary>Takes the bar away.</summary>
    public void End()
    {
        if (_isOpen)
        {
            Output.Error.Write("\r\e[K");
            _isOpen = false;
        }
    }

    /// <summary>The loss so far in one line.</summary>
    private string Curve()
    {
        double low = _losses.Min(), high = _losses.Max();
        return string.Concat(Enumerable.Range(0, Math.Min(Course, _losses.Count)).Select(i =>
        {
            double loss = _losses[(int)((long)i * (_losses.Count - 1) / Math.Max(1, Math.Min(Course, _losses.Count) - 1))];
            return Heights[high > low ? (int)Math.Min(7, 8 * (loss - low) / (high - low)) : 0];
        }));
    }

    private static string Time(double seconds) => seconds >= 3600 ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:F1} h")
        : seconds >= 60 ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:F1} min") : string.Create(CultureInfo.InvariantCulture, $"{seconds:F0} s");
}
