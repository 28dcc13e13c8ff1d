using Eml.Machine.Transformer;

namespace Eml.Machine.Planned;

/// <summary>One execution of the layers on forms.</summary>
internal sealed class PlanPass
{
    /// <summary>Integers below it are exact.</summary>
    private const double Exact = 9007199254740992.0;

    private readonly Planner _planner;
    private readonly double? _operation;
    private readonly Registers _registers = new();
    private readonly List<PlanOp> _ops = [];
    private readonly Form[] _channels;
    private readonly Dictionary<int, PlanOp> _inserts = [];
    private readonly Dictionary<int, (int Layer, int Head, int Component, Form High, Form Low)> _found = [];
    private readonly bool _any;

    /// <param name="planner">Whose weights.</param>
    /// <param name="numbers">How many numbers of the token are given; the others are 0.</param>
    /// <param name="operation">The operation, or null for any.</param>
    public PlanPass(Planner planner, int numbers, double? operation)
    {
        _planner = planner;
        _operation = operation;
        _any = operation is null;
        TransformerConfig config = planner.Weights.Config;
        _channels = [.. Enumerable.Range(0, config.ModelWidth).Select(c => Form.Of(planner.Weights.TokenEmbedding[c]))];
        for (int i = 0; i < config.PositionChannels.Length; i++)
        {
            int register = _registers.Add(config.PositionRanges[i].Min, config.PositionRanges[i].Max);
            if (i < numbers)
            {
                Add(config.PositionChannels[i], Form.Of(register), 1.0);
            }
        }
    }

    public Plan Build()
    {
        for (int i = 0; i < _planner.Layers.Length; i++)
        {
            Attend(i);
            Gate(_planner.Layers[i].Units);
        }
        Form[] results = [.. _planner.Weights.Config.ResultChannels.Select(channel => _channels[channel])];
        return Live(results);
    }

    private void Add(int channel, Form form, double factor) => _channels[channel] = _channels[channel].Plus(form, factor);

    private Form Read(SparseLayer.Term[] row)
    {
        Form form = Form.Zero;
        foreach (SparseLayer.Term term in row)
        {
            form = form.Plus(_channels[term.Channel], term.Weight);
        }
        return form;
    }

    private void Attend(int layer)
    {
        var sums = new List<(int Channel, Form Form, double Factor)>();
        for (int h = 0; h < _planner.Layers[layer].Heads.Length; h++)
        {
            SparseLayer.Head head = _planner.Layers[layer].Heads[h];
            Form[] read = head.Config.Mode switch
            {
                HeadMode.Table => Row(layer, h, head),
                HeadMode.HardMax => Find(layer, h, head),
                _ => throw Planner.Refused($"head '{head.Config.Name}' has the mode {head.Config.Mode}"),
            };
            for (int i = 0; i < read.Length; i++)
            {
                foreach (SparseLayer.Term term in head.Output[i])
                {
                    sums.Add((term.Channel, read[i], term.Weight));
                }
            }
        }
        foreach ((int channel, Form form, double factor) in sums)
        {
            Add(channel, form, factor);
        }
    }

    private Form[] Row(int layer, int h, SparseLayer.Head head)
    {
        TableRows table = _planner.TableOf(layer, h);
        Form index = Read(head.Query[0]);
        Form divisor = Read(head.Query[1]);
        if (_any && _planner.Control.Layer < 0 && divisor.IsConstant && index is { Constant: 0.0, Registers.Length: 1 } && index.Factors[0] == 1.0
            && _found.TryGetValue(index.Registers[0], out (int Layer, int Head, int Component, Form High, Form Low) found))
        {
            _planner.FoundControl((found.Layer, found.Head, found.Component), found.High, found.Low);
        }
        if (index.IsConstant && divisor.IsConstant)
        {
            int at = table.Best(index.Constant, divisor.Constant) * table.Width;
            return [.. Enumerable.Range(0, table.Width).Select(i => Form.Of(table.Values[at + i]))];
        }
        (double min, double max) = _registers.Range(index);
        bool unit = divisor.IsConstant && divisor.Constant == 1.0;
        (int first, int last) = unit ? (table.Best(min, 1.0), table.Best(max, 1.0)) : (0, (table.Values.Length / table.Width) - 1);
        int[] columns = [.. Enumerable.Range(0, table.Width).Where(i => head.Output[i].Length > 0)];
        var op = new PlanOp { Kind = PlanKind.Row, A = index, B = divisor, Table = table, Columns = columns };
        Form[] read = Targets(op, table.Width, i => table.Range(i, first, last));
        if (unit && min >= -0.5 && max <= last + 0.5)
        {
            foreach (int i in columns.Where(table.IsIndex))
            {
                _registers.SetNearest(read[i].Registers[0], index);
            }
        }
        return read;
    }

    /// <summary>Registers for the columns of an operation; the other components are 0.</summary>
    private Form[] Targets(PlanOp op, int width, Func<int, (double Min, double Max)> range)
    {
        var read = new Form[width];
        Array.Fill(read, Form.Zero);
        op.Targets = new int[op.Columns.Length];
        for (int i = 0; i < op.Columns.Length; i++)
        {
            (double min, double max) = range(op.Columns[i]);
            op.Targets[i] = _registers.Add(min, max);
            read[op.Columns[i]] = Form.Of(op.Targets[i]);
        }
        _ops.Add(op);
        return read;
    }

    private Form[] Find(int layer, int h, SparseLayer.Head head)
    {
        Form[] key = [.. head.Key.Select(Read)];
        Form high = Form.Zero.Plus(key[0], 0.5);
        Form low = Form.Zero.Plus(key[1], 0.5);
        Form isKey = key[2].Plus(SquareOf(high), 1.0).Plus(SquareOf(low), 1.0).Plus(Form.Of(1.0), 1.0);
        (double min, double max) = _registers.Range(isKey);
        Form[] values = [.. head.Value.Select(Read)];
        Form[] query = [.. head.Query.Select(Read)];
        Form distance = query[3].Plus(SquareOf(query[0]), 1.0).Plus(SquareOf(query[1]), 1.0);
        bool proven = head.Config.Sink == -0.5 && key[3].Same(Form.Of(1.0)) && min >= 0.0 && max <= 1.0
            && query[2].Same(Form.Of(1.0)) && distance.Same(Form.Zero);
        if (!proven)
        {
            throw Planner.Refused($"head '{head.Config.Name}' of layer {layer} does not look up by distance");
        }
        if (_any)
        {
            _planner.Place(layer, h, high, low, isKey, values, _registers);
        }
        (int memory, int first) = _planner.PlaceOf(layer, h);
        if (isKey is not { IsConstant: true, Constant: 0.0 })
        {
            Remember(memory, first, high, low, isKey, values);
        }
        int width = values.Length;
        int[] columns = [.. Enumerable.Range(0, width).Where(i => head.Output[i].Length > 0)];
        var op = new PlanOp { Kind = PlanKind.Find, A = query[0], B = query[1], Memory = memory, Columns = columns };
        Form[] read = Targets(op, width, i => _planner.RangesOf(memory)[first + i]);
        op.Columns = [.. columns.Select(i => first + i)];
        for (int i = 0; i < op.Targets.Length; i++)
        {
            _found[op.Targets[i]] = (layer, h, columns[i], query[0], query[1]);
        }
        if (!_any && _planner.Control.Layer == layer && _planner.Control.Head == h)
        {
            read[_planner.Control.Component] = Form.Of(_operation!.Value);
        }
        return read;
    }

    /// <summary>All heads of a memory write into the same entry, before the first of them reads.</summary>
    private void Remember(int memory, int first, Form high, Form low, Form isKey, Form[] values)
    {
        if (!_inserts.TryGetValue(memory, out PlanOp? insert))
        {
            insert = new PlanOp { Kind = PlanKind.Insert, A = high, B = low, C = isKey, Memory = memory, Values = new Form[_planner.ColumnsOf(memory)] };
            Array.Fill(insert.Values, Form.Zero);
            _inserts[memory] = insert;
            _ops.Add(insert);
        }
        if (!_any)
        {
            values.CopyTo(insert.Values, first);
        }
    }

    /// <summary>The square of a form, as a form: a constant, or a register that is known to be it.</summary>
    private Form SquareOf(Form form)
    {
        if (form.IsConstant)
        {
            return Form.Of(form.Constant * form.Constant);
        }
        int register = Enumerable.Range(0, _registers.Count).FirstOrDefault(i => _registers.SquareOf(i) is Form root && root.Same(form), -1);
        return register < 0 ? Form.Of(double.NaN) : Form.Of(register);
    }

    private void Gate(SparseLayer.Unit[] units)
    {
        var open = new List<(SparseLayer.Unit Unit, Form Gate, Form Value, double Min, double Max)>();
        foreach (SparseLayer.Unit unit in units)
        {
            Form gate = Read(unit.Gate);
            Form value = Read(unit.Value);
            (double min, double max) = _registers.Range(gate);
            if (max > 0.0 && value is not { IsConstant: true, Constant: 0.0 })
            {
                open.Add((unit, gate, value, min, max));
            }
        }
        var sums = new List<(SparseLayer.Term[] Output, Form Form)>();
        foreach ((SparseLayer.Unit unit, Form gate, Form value, double min, double max) in open)
        {
            // One that is always open is linear, unless it makes a step together with one that is not.
            bool alone = min >= 0.0 && !open.Exists(other => other.Min < 0.0 && other.Value.IsConstant && other.Gate.SameTerms(gate));
            sums.Add((unit.Output, Result(gate, value, min, max, alone)));
        }
        foreach ((SparseLayer.Term[] output, Form form) in sums)
        {
            foreach (SparseLayer.Term term in output)
            {
                Add(term.Channel, form, term.Weight);
            }
        }
        foreach (int channel in sums.SelectMany(sum => sum.Output).Select(term => term.Channel).Distinct())
        {
            _channels[channel] = Small(Bend(_channels[channel]));
        }
    }

    /// <summary>A sum of which it is not known that every part of it is exact gets a register of its own: as in the stream, where it is a
    /// number before anything multiplies it.</summary>
    private Form Small(Form form)
    {
        if (_registers.Magnitude(form) < Exact)
        {
            return form;
        }
        PlanOp? known = _ops.Find(op => op.Kind == PlanKind.Copy && op.A.Same(form));
        if (known is not null)
        {
            return Form.Of(known.Targets[0]);
        }
        (double min, double max) = _registers.Range(form);
        int target = _registers.Add(min, max);
        _ops.Add(new PlanOp { Kind = PlanKind.Copy, A = form, Targets = [target] });
        return Form.Of(target);
    }

    /// <summary>Hinges max(0, t + a), max(0, t + b) ... of the same t become one register: their sum is linear between the bends, so that a
    /// step is known to be 0 or 1.</summary>
    private Form Bend(Form form)
    {
        for (int i = 0; i < form.Registers.Length; i++)
        {
            if (_registers.GateOf(form.Registers[i]) is not Form first)
            {
                continue;
            }
            int[] same = [.. Enumerable.Range(i, form.Registers.Length - i).Where(k => _registers.GateOf(form.Registers[k])?.SameTerms(first) == true)];
            if (same.Length > 1)
            {
                // A common factor stays outside, so that what is inside is small.
                double scale = same.Min(k => Math.Abs(form.Factors[k]));
                (double Offset, double Factor)[] bends = [.. same.Select(k => (_registers.GateOf(form.Registers[k])!.Constant, form.Factors[k] / scale))];
                int target = Bends(new Form(0.0, first.Registers, first.Factors), bends);
                Form rest = new(form.Constant, [.. form.Registers.Where((_, k) => !same.Contains(k))], [.. form.Factors.Where((_, k) => !same.Contains(k))]);
                return Bend(rest.Plus(Form.Of(target), scale));
            }
        }
        return form;
    }

    private int Bends(Form terms, (double Offset, double Factor)[] bends)
    {
        PlanOp? known = _ops.Find(op => op.Kind == PlanKind.Bends && op.A.Same(terms) && op.Bends.AsSpan().SequenceEqual(bends));
        if (known is not null)
        {
            return known.Targets[0];
        }
        (double low, double high) = _registers.Range(terms);
        (double min, double max) = (double.PositiveInfinity, double.NegativeInfinity);
        foreach (double t in bends.Select(bend => Math.Clamp(-bend.Offset, low, high)).Append(low).Append(high))
        {
            double sum = bends.Sum(bend => bend.Factor * Math.Max(0.0, t + bend.Offset));
            (min, max) = (Math.Min(min, sum), Math.Max(max, sum));
        }
        int target = _registers.Add(min, max);
        _ops.Add(new PlanOp { Kind = PlanKind.Bends, A = terms, Bends = bends, Targets = [target] });
        return target;
    }

    private Form Result(Form gate, Form value, double min, double max, bool isLinear)
    {
        if (gate.IsConstant)
        {
            return Form.Zero.Plus(value, gate.Constant);
        }
        if (value.IsConstant)
        {
            return isLinear ? Form.Zero.Plus(gate, value.Constant) : Form.Zero.Plus(Form.Of(Hinge(gate, max)), value.Constant);
        }
        PlanOp? same = _ops.Find(op => op.Kind is PlanKind.Product or PlanKind.Gated && op.A.Same(gate) && op.B.Same(value));
        if (same is not null)
        {
            return Form.Of(same.Targets[0]);
        }
        int target;
        if (min >= 0.0 && gate.Same(value))
        {
            target = _registers.AddSquare(gate, max * max);
        }
        else
        {
            (double low, double high) = _registers.Range(value);
            target = _registers.Add(Math.Min(0.0, max * low), Math.Max(0.0, max * high));
        }
        _ops.Add(new PlanOp { Kind = min >= 0.0 ? PlanKind.Product : PlanKind.Gated, A = gate, B = value, Targets = [target] });
        return Form.Of(target);
    }

    private int Hinge(Form gate, double max)
    {
        PlanOp? same = _ops.Find(op => op.Kind == PlanKind.Hinge && op.A.Same(gate));
        if (same is not null)
        {
            return same.Targets[0];
        }
        int target = _registers.AddHinge(gate, max);
        _ops.Add(new PlanOp { Kind = PlanKind.Hinge, A = gate, Targets = [target] });
        return target;
    }

    /// <summary>Leaves out what nobody reads.</summary>
    private Plan Live(Form[] results)
    {
        bool[] needed = new bool[_registers.Count];
        var live = new List<PlanOp>();
        Need(needed, results);
        double largest = results.Max(_registers.Magnitude);
        for (int i = _ops.Count - 1; i >= 0; i--)
        {
            PlanOp op = _ops[i];
            if (op.Kind != PlanKind.Insert && !op.Targets.Any(target => needed[target]))
            {
                continue;
            }
            if (op.Columns.Length > 0)
            {
                int[] kept = [.. Enumerable.Range(0, op.Targets.Length).Where(t => needed[op.Targets[t]])];
                op.Columns = [.. kept.Select(t => op.Columns[t])];
                op.Targets = [.. kept.Select(t => op.Targets[t])];
            }
            Need(needed, op.Reads);
            largest = Math.Max(largest, op.Reads.Max(_registers.Magnitude));
            live.Add(op);
        }
        live.Reverse();
        return Renumber(live, results, largest);
    }

    /// <summary>Numbers the registers without gaps, those of the token first.</summary>
    private Plan Renumber(List<PlanOp> live, Form[] results, double largest)
    {
        int count = _planner.Weights.Config.PositionChannels.Length;
        int[] numbers = [.. Enumerable.Range(0, _registers.Count)];
        foreach (PlanOp op in live)
        {
            for (int i = 0; i < op.Targets.Length; i++)
            {
                numbers[op.Targets[i]] = count++;
            }
            op.Targets = [.. op.Targets.Select(target => numbers[target])];
        }
        Form Renumbered(Form form) => form.IsConstant ? form : new Form(form.Constant, [.. form.Registers.Select(i => numbers[i])], form.Factors);
        foreach (PlanOp op in live)
        {
            (op.A, op.B, op.C) = (Renumbered(op.A), Renumbered(op.B), Renumbered(op.C));
            op.Values = [.. op.Values.Select(Renumbered)];
        }
        return new Plan([.. live], [.. results.Select(Renumbered)], count, largest);
    }

    private static void Need(bool[] needed, IEnumerable<Form> forms)
    {
        foreach (int register in forms.SelectMany(form => form.Registers))
        {
            needed[register] = true;
        }
    }
}
