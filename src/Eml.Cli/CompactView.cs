using Eml.Machine.Compact;
using Eml.Machine.Transformer;

namespace Eml.Cli;

/// <summary>What the last step of a machine did, in words: what stands at a position, and what the instruction read from where. The
/// machine keeps its trace and has a probe.</summary>
internal sealed class CompactView(CompactMachine machine)
{
    private readonly TransformerConfig _config = CompactMachine.Weights.Config;
    private readonly int _start = (2 * machine.Program.Instructions.Length) + 1;

    /// <summary>One value that an instruction took: its name, its value, and where it came from.</summary>
    public readonly record struct Taken(string Head, long Winner, double Value, string From);

    /// <summary>The step that was recorded.</summary>
    public GeneratedToken Step => machine.Trace[^1];

    /// <summary>Its instruction.</summary>
    public CompactInstruction Instruction => machine.Program.Instructions[Step.Row];

    /// <summary>Its position in the sequence.</summary>
    public long Position => _start + Step.Step;

    /// <summary>The token that it was given.</summary>
    public int Given => Step.Step == 0 ? CompactTokens.Start : machine.Trace[^2].Token;

    /// <summary>What the step computed.</summary>
    public StepProbe Probe => machine.Probe!;

    /// <summary>Values on the stack after the step.</summary>
    public int Depth => (int)Channel("depth after");

    /// <summary>What stands at a position, or in an entry of a file.</summary>
    public string At(HeadConfig head, long winner)
    {
        if (winner < 0)
        {
            return head.Mode == HeadMode.Sum ? "all positions" : "nothing yet";
        }
        if (head.Mode == HeadMode.Cross)
        {
            return $"entry {winner} of file {head.Store}";
        }
        return $"position {winner}: {Describe(winner)}";
    }

    /// <summary>What the instruction took from the stack, a local, the memory or a file.</summary>
    public List<Taken> Reads()
    {
        var reads = new List<Taken>();
        Instruction instruction = InstructionSet.Find(Instruction.Opcode)!;
        if (instruction.Pops > 0)
        {
            reads.Add(OfStack("top"));
        }
        if (instruction.Pops > 1)
        {
            reads.Add(OfStack("second"));
        }
        double operand = Instruction.Operand ?? 0;
        switch (instruction.Opcode)
        {
            case Opcode.LocalGet:
                reads.Add(OfWriter("local", operand, $"local {operand} was never set"));
                break;
            case Opcode.Load:
                double address = reads[0].Value + operand;
                reads.Add(OfWriter("memory", address, $"nothing was stored at address {address}"));
                break;
            case Opcode.FdRead:
                reads.Add(OfFile((int)reads[0].Value));
                break;
            default:
                break;
        }
        return reads;
    }

    private string Describe(long position)
    {
        if (position == 0)
        {
            return CompactTokens.Name(CompactTokens.Program);
        }
        if (position < _start)
        {
            int i = (int)(position - 1) / 2;
            string part = position % 2 == 1 ? "opcode" : "operand";
            return $"{part} of instruction {i} ({machine.Program.Instructions[i]})";
        }
        return StepAt(position - _start);
    }

    private string StepAt(long step) => $"step {step} ({machine.Program.Instructions[machine.Trace[(int)step].Row]})";

    private Taken OfStack(string name)
    {
        (double value, _, long winner) = Head(name);
        // A step's token lies at the position after it.
        return new Taken(name, winner, value, winner > _start ? StepAt(winner - _start - 1) : "an empty stack");
    }

    private Taken OfWriter(string name, double index, string never)
    {
        (double value, double found, long winner) = Head(name);
        return found == index && winner >= _start ? new Taken(name, winner, value, StepAt(winner - _start)) : new Taken(name, winner, 0, never);
    }

    private Taken OfFile(int descriptor)
    {
        string name = $"file {descriptor}";
        (double value, double found, long winner) = Head(name);
        double cursor = Channel($"cursor {descriptor}");
        return winner >= 0 && found == 2.0 * cursor
            ? new Taken(name, winner, value, $"byte {cursor}") : new Taken(name, winner, 0, $"byte {cursor} is past its end");
    }

    private (double First, double Second, long Winner) Head(string name)
    {
        int layer = Array.FindIndex(_config.Heads, heads => heads.Any(head => head.Name == name));
        int h = Array.FindIndex(_config.Heads[layer], head => head.Name == name);
        int at = h * _config.HeadWidth;
        return (Probe.HeadValues[layer][at], Probe.HeadValues[layer][at + 1], Probe.Winners[layer][h]);
    }

    /// <summary>A channel's value as it was last read.</summary>
    private double Channel(string name)
    {
        (int channel, _, _, int to) = CompactMachine.Weights.Names.Channels.First(each => each.Name == name);
        return Probe.Stream[(to * _config.ModelWidth) + channel];
    }
}
