using Eml.Machine.Transformer;
using Eml.Numerics;

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
    private readonly Form[] _embedded;
    private readonly Form?[][] _channels;
    private readonly Form[]?[][] _heads;
    private readonly (Form Gate, Form Value, double Min, double Max)?[][] _units;
    private readonly HashSet<int> _inserted = [];
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
        _embedded = [.. Enumerable.Range(0, config.ModelWidth).Select(c => Form.Of(planner.Weights.TokenEmbedding[c]))];
        for (int i = 0; i < config.PositionChannels.Length; i++)
        {
            int register = _registers.Add(config.PositionRanges[i].Min, config.PositionRanges[i].Max);
            if (i < numbers)
            {
                _embedded[config.PositionChannels[i]] = _embedded[config.PositionChannels[i]].Plus(Form.Of(register), 1.0);
            }
        }
        _channels = [.. planner.Writes.Select(writes => new Form?[writes.Length])];
        _heads = [.. planner.Layers.Select(layer => new Form[]?[layer.Heads.Length])];
        _units = [.. planner.Layers.Select(layer => new (Form, Form, double, double)?[layer.Units.Length])];
    }

    public Plan Build()
    {
        for (int i = 0; _any && i < _planner.Layers.Length; i++)
        {
            for (int h = 0; h < _planner.Layers[i].Heads.Length; h++)
            {
                Head(i, h);
            }
        }
        Form[] results = [.. _planner.Weights.Config.ResultChannels.Select(channel => Channel(channel, int.MaxValue))];
        for (int memory = 0; memory < _planner.MemoryCount; memory++)
        {
            Remember(memory);
        }
        return Live(results);
    }

    /// <summary>What a channel holds before a time: attention of layer L is 2 L, its units are 2 L + 1. Only what somebody asks for is
    /// worked out.</summary>
    private Form Channel(int channel, int time)
    {
        ChannelWrite[] writes = _planner.Writes[channel];
        int last = writes.Length - 1;
        while (last >= 0 && writes[last].Time >= time)
        {
            last--;
        }
        return last < 0 ? _embedded[channel] : _channels[channel][last] ??= Write(channel, writes[last], Channel(channel, writes[last].Time));
    }

    private Form Write(int channel, ChannelWrite write, Form before)
    {
        (int layer, bool areUnits) = (write.Time / 2, write.Time % 2 == 1);
        Form after = before;
        if (!areUnits)
        {
            foreach ((int h, int component, double weight) in write.Terms)
            {
                after = after.Plus(Head(layer, h)[component], weight);
            }
            return after;
        }
        foreach ((int u, _, double weight) in write.Terms)
        {
            (Form gate, Form value, double min, double max) = Unit(layer, u);
            if (max > 0.0 && value is not { IsConstant: true, Constant: 0.0 })
            {
                // One that is always open is linear, unless it makes a step together with one that is not.
                bool alone = min >= 0.0 && !write.Terms.Any(other => Unit(layer, other.Index) is var next
                    && next.Min < 0.0 && next.Max > 0.0 && next.Value.IsConstant && next.Gate.SameTerms(gate));
                after = after.Plus(Result(gate, value, min, max, alone), weight);
            }
        }
        return Small(Bend(after));
    }

    private (Form Gate, Form Value, double Min, double Max) Unit(int layer, int u)
    {
        if (_units[layer][u] is (Form, Form, double, double) known)
        {
            return known;
        }
        SparseLayer.Unit unit = _planner.Layers[layer].Units[u];
        int time = (2 * layer) + 1;
        Form gate = Read(unit.Gate, time);
        (double min, double max) = _registers.Range(gate);
        // What a closed gate multiplies does not matter.
        (Form, Form, double, double) result = (gate, max > 0.0 ? Read(unit.Value, time) : Form.Zero, min, max);
        _units[layer][u] = result;
        return result;
    }

    private Form Read(SparseLayer.Term[] row, int time)
    {
        Form form = Form.Zero;
        foreach (SparseLayer.Term term in row)
        {
            form = form.Plus(Channel(term.Channel, time), term.Weight);
        }
        return form;
    }

    private Form[] Head(int layer, int h)
    {
        SparseLayer.Head head = _planner.Layers[layer].Heads[h];
        return _heads[layer][h] ??= head.Config.Mode switch
        {
            HeadMode.Table => Row(layer, h, head),
            HeadMode.HardMax => Find(layer, h, head),
            _ => throw Planner.Refused($"head '{head.Config.Name}' has the mode {head.Config.Mode}"),
        };
    }

    private Form[] Row(int layer, int h, SparseLayer.Head head)
    {
        TableRows table = _planner.TableOf(layer, h);
        Form index = Read(head.Query[0], 2 * layer);
        Form divisor = Read(head.Query[1], 2 * layer);
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
        Form[] query = [.. head.Query.Select(row => Read(row, 2 * layer))];
        Form distance = query[3].Plus(SquareOf(query[0]), 1.0).Plus(SquareOf(query[1]), 1.0);
        if (head.Config.Sink != -0.5 || !query[2].Same(Form.Of(1.0)) || !distance.Same(Form.Zero))
        {
            throw NotByDistance(layer, head);
        }
        if (_any)
        {
            (Form high, Form low, Form isKey) = Key(layer, head);
            _planner.Place(layer, h, high, low, isKey, [.. head.Value.Select(row => Read(row, 2 * layer))], _registers);
        }
        (int memory, int first) = _planner.PlaceOf(layer, h);
        Remember(memory);
        int[] columns = [.. Enumerable.Range(0, head.Value.Length).Where(i => head.Output[i].Length > 0)];
        var op = new PlanOp { Kind = PlanKind.Find, A = query[0], B = query[1], Memory = memory, Columns = columns };
        Form[] read = Targets(op, head.Value.Length, i => _planner.RangesOf(memory)[first + i]);
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

    /// <summary>The two parts of a position's key, and whether it has one: 1 or 0.</summary>
    private (Form High, Form Low, Form IsKey) Key(int layer, SparseLayer.Head head)
    {
        Form[] key = [.. head.Key.Select(row => Read(row, 2 * layer))];
        Form high = Form.Zero.Plus(key[0], 0.5);
        Form low = Form.Zero.Plus(key[1], 0.5);
        Form isKey = key[2].Plus(SquareOf(high), 1.0).Plus(SquareOf(low), 1.0).Plus(Form.Of(1.0), 1.0);
        (double min, double max) = _registers.Range(isKey);
        return key[3].Same(Form.Of(1.0)) && min >= 0.0 && max <= 1.0 ? (high, low, isKey) : throw NotByDistance(layer, head);
    }

    private static EmlException NotByDistance(int layer, SparseLayer.Head head) =>
        Planner.Refused($"head '{head.Config.Name}' of layer {layer} does not look up by distance");

    /// <summary>All heads of a memory write into the same entry, before the first of them reads.</summary>
    private void Remember(int memory)
    {
        if (_any || !_inserted.Add(memory))
        {
            return;
        }
        IReadOnlyList<(int Layer, int Head)> heads = _planner.HeadsOf(memory);
        (Form high, Form low, Form isKey) = Key(heads[0].Layer, _planner.Layers[heads[0].Layer].Heads[heads[0].Head]);
        if (isKey is { IsConstant: true, Constant: 0.0 })
        {
            return;
        }
        Form[] values = [.. heads.SelectMany(place => _planner.Layers[place.Layer].Heads[place.Head].Value.Select(row => Read(row, 2 * place.Layer)))];
        _ops.Add(new PlanOp { Kind = PlanKind.Insert, A = high, B = low, C = isKey, Memory = memory, Values = values });
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
