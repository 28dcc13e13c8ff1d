using Eml.Functions;
using Eml.Functions.Expressions;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>An attention block behind a handle: one of eml-core's two, or the default profile's.</summary>
internal sealed class AttentionBox : EventBox
{
    public AttentionBox(AttentionBlock core) : base((core as ToyEmlAttention)?.Events ?? new EmlEventLog())
    {
        Core = core;
        Width = core.Width;
    }

    public AttentionBox(EmlAttention block) : base(block.Events)
    {
        Block = block;
        Width = block.Config.SampleLength;
    }

    /// <summary>eml-core's; else null.</summary>
    public AttentionBlock? Core { get; }

    /// <summary>The default profile's; else null.</summary>
    public EmlAttention? Block { get; }

    /// <summary>Numbers in a sequence.</summary>
    public int Width { get; }

    public string Name
    {
        get => Core?.Name ?? Block!.Name;
        set
        {
            if (Core is not null)
            {
                Core.Name = value;
            }
            else
            {
                Block!.Name = value;
            }
        }
    }

    /// <summary>The name that events carry.</summary>
    public string DisplayName => Core?.Name ?? Block!.DisplayName;

    public bool Trained
    {
        get => Core?.Trained ?? Block!.Trained;
        set
        {
            if (Core is not null)
            {
                Core.Trained = value;
            }
            else
            {
                Block!.Trained = value;
            }
        }
    }

    public ReadOnlySpan<double> Parameters => Core is not null ? Core.Parameters : Block!.Parameters;

    public int SampleCount => Core?.BufferLength ?? Block!.SampleCount;

    public AttentionBox Clone()
    {
        if (Block is not null)
        {
            return new AttentionBox(Block.Clone());
        }

        if (Core is ToyEmlAttention toy)
        {
            return new AttentionBox(toy.Clone());
        }

        var copy = new AttentionBox(((BaselineAttention)Core!).Clone());
        foreach (EmlEvent item in Events) // eml-core's baseline has no log of its own
        {
            copy.Events.Add(item);
        }

        return copy;
    }

    public void SetParameters(ReadOnlySpan<double> parameters, bool allowNonFinite)
    {
        if (Core is not null)
        {
            Core.SetParameters(parameters, allowNonFinite);
        }
        else
        {
            RefuseNonFinite(allowNonFinite);
            Block!.SetParameters(parameters);
        }
    }

    public void Record(ReadOnlySpan<double> x, ReadOnlySpan<double> targets, int rows, bool allowNonFinite)
    {
        if (Core is not null)
        {
            Core.Record(x, targets, rows, allowNonFinite);
        }
        else
        {
            RefuseNonFinite(allowNonFinite);
            Block!.Record(x, targets, rows);
        }
    }

    public void Forward(ReadOnlySpan<double> x, int rows, Span<double> y, bool allowNonFinite)
    {
        if (Core is not null)
        {
            Core.Forward(x, rows, y, allowNonFinite);
        }
        else
        {
            RefuseNonFinite(allowNonFinite);
            Block!.Forward(x, rows, y);
        }
    }

    public double Loss() => Core?.Loss() ?? Block!.Loss();

    public Formula ToFormula() => Core?.ToFormula() ?? Block!.ToFormula();

    /// <summary>Of the recorded samples' inputs.</summary>
    public Interval[] InputRanges() => Interval.OfColumns(Width, SampleCount, n => Core is null ? Block!.SampleInput(n) : Core.SampleInput(n));

    public SnapResult Snap(SnapOptions options) => Core?.Snap(options) ?? Block!.Snap(options);

    public void ClearSamples()
    {
        Core?.ClearSamples();
        Block?.ClearSamples();
    }

    private static void RefuseNonFinite(bool allowNonFinite)
    {
        if (allowNonFinite)
        {
            throw new EmlException(ErrorCode.Unsupported,
                "EML_ATTENTION_BLOCK takes no EML_ALLOW_NONFINITE: NaN and infinities have no meaning for it; leave flags 0");
        }
    }
}
