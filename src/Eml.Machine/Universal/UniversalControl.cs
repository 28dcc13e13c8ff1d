using Eml.Machine.Graph;

namespace Eml.Machine.Universal;

/// <summary>Which instruction is next, in which frame, and what the host is told.</summary>
internal sealed partial class UniversalMachine
{
    private sealed record Control(Linear Ip, Linear Frame, Linear Entered, Linear Depth, Linear Status, Linear Phase, Linear MoveWrites, Wide ToHost);

    private Control Follow(Instruction instruction, Wide top, Linear[] limbs, MemoryAccess memory, (StepStatus Status, Linear If)[] traps)
    {
        Linear y = top.Low;
        Linear ip = Of(Field.Ip);
        Linear frame = Of(Field.Frame);
        Linear phase = Of(Field.Phase);
        Linear depth = Of(Field.Depth);

        // Values that a branch takes along are moved one a step.
        Linear taken = Step("br_if", y, 1.0, Is(Signal.BrIf));
        Linear moves = Is(Signal.Br) + Is(Signal.Return) + taken;
        Linear left = instruction.Count - phase;
        Linear moveWrites = Step("value is moved", left, 1.0, moves);
        Linear moreToMove = Step("more to move", left, 2.0, moves);
        Linear argument = Step("argument", left, 1.0, Is(Signal.HostCall));
        Linear stays = moreToMove + argument + memory.Again;
        Linear returns = _g.Keep("returns", _g.Unit("returns", Is(Signal.Return) - moreToMove, 1.0));
        Linear skips = Step("if: 0", -y, 0.0, Is(Signal.If));
        Linear jumps = _g.Keep("jumps", _g.Unit("jumps", Is(Signal.Br) + taken - moreToMove, 1.0) + Is(Signal.Call) + skips);

        // Who called, and which function an element is.
        Linear depthAfter = depth + 1.0;
        Linear[] caller = _g.Find("caller", (0.0, depth, Square("depth^2", depth)), (0.0, depthAfter, Square("callee's depth^2", depthAfter)),
            Is(Signal.AnyCall), instruction.Next, frame, Of(Field.Entered));
        Linear lower = _g.Keep("element: lower", Positive("element: lower", limbs[0]));
        Linear[] element = _g.Find("table element", (limbs[1], lower, Square("element: upper^2", limbs[1]) + Square("element: lower^2", lower)),
            WordKey, Of(Field.IsElement), Of(Field.ElementKind), Of(Field.Next), Of(Field.Count));

        Linear nextIp = _g.Keep("ip", instruction.Next + _g.Unit("jump", jumps, instruction.Target - instruction.Next)
            + _g.Unit("stay", stays, ip - instruction.Next) + _g.Unit("return", returns, caller[0] - instruction.Next)
            + _g.Unit("call_indirect", Is(Signal.CallIndirect), element[1] - instruction.Next)
            + _g.Unit("br_table", Is(Signal.BrTable), ip + 1.0 + instruction.Count - instruction.Next)
            - _g.Unit("br_table: index", instruction.Count - y - (Off * (1.0 - Is(Signal.BrTable))), 1.0));
        Linear nextFrame = frame + _g.Unit("call", Is(Signal.AnyCall), instruction.Result) + _g.Unit("return", returns, caller[1] - frame);
        Linear entered = Of(Field.Entered) + _g.Unit("call", Is(Signal.AnyCall), Of(Field.Clock) + 1.0 - Of(Field.Entered))
            + _g.Unit("return", returns, caller[2] - Of(Field.Entered));

        // Traps and what the host is told.
        Linear indirect = Is(Signal.CallIndirect);
        Linear undefined = Step("undefined", -element[0], 0.0, indirect);
        Linear uninitialized = _g.Keep("uninitialized", WhereEqual("uninitialized", element[0], 1.0, indirect, 1.0));
        Linear mismatch = _g.Keep("mismatch", indirect - undefined - uninitialized - WhereEqual("match", element[2], instruction.Low, indirect, 1.0));
        Linear wrong = _g.Keep("mismatch of a function", _g.Unit("mismatch of a function", mismatch, 1.0));
        Linear exhausted = _g.Keep("exhausted", Step("calls", depth, MaxDepth - 1, Is(Signal.AnyCall))
            + Step("slots", frame + instruction.Result + instruction.Count, MaxSlots, Is(Signal.AnyCall)));
        Linear refused = undefined + uninitialized + wrong;
        Linear exhaustion = _g.Unit("exhausted", Reached("exhausted", exhausted, 1.0) - refused, 1.0);
        Linear status = ((int)StepStatus.Unreachable * Is(Signal.Unreachable)) + ((int)StepStatus.MemoryBounds * memory.OutOfBounds)
            + ((int)StepStatus.UndefinedElement * undefined) + ((int)StepStatus.UninitializedElement * uninitialized)
            + ((int)StepStatus.SignatureMismatch * wrong) + ((int)StepStatus.StackExhausted * exhaustion)
            + ((int)StepStatus.HostArgument * argument) + ((int)StepStatus.HostCall * (Is(Signal.HostCall) - argument))
            + Sum(traps.Select(trap => (int)trap.Status * trap.If));
        return new Control(nextIp, nextFrame, entered, depth + Is(Signal.AnyCall) - returns, status, _g.Unit("phase", stays, phase + 1.0), moveWrites,
            ToHost(instruction, top, argument));
    }

    /// <summary>What a host function gets: its arguments, then its number.</summary>
    private Wide ToHost(Instruction instruction, Wide top, Linear argument) => new(
        _g.Unit("argument", argument, top.Low) + _g.Unit("host function", Is(Signal.HostCall) - argument, instruction.Low),
        _g.Unit("argument", argument, top.High));
}
