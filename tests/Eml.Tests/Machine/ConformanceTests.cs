using Eml.Machine.Compact;
using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Tests.Machine;

/// <summary>Every program of tests/data/compact does what stands there: on the plain interpreter, the dense and the fast engine.</summary>
public class ConformanceTests
{
    private const int Fuel = 100_000;

    /// <summary>Tokens of a sequence that the dense engine runs in no time, whatever instructions the processor has.</summary>
    private const int Short = 250;

    private static readonly Dictionary<string, ExpectedProgram> s_programs = ProgramText.Read().ToDictionary(program => program.ToString());

    public static TheoryData<string> ShortNames => Names(isShort: true);

    public static TheoryData<string> LongNames => Names(isShort: false);

    [Theory]
    [MemberData(nameof(ShortNames))]
    [Trait("Category", "Paths")]
    public void A_short_program_does_what_it_must(string name) => Check(name);

    [Theory]
    [MemberData(nameof(LongNames))]
    public void A_long_program_does_what_it_must(string name) => Check(name);

    private static TheoryData<string> Names(bool isShort) => [.. s_programs.Where(each =>
        (2 * each.Value.Instructions.Length) + PlainInterpreter.Run(each.Value.Instructions, each.Value.Files, Fuel).Tokens.Count <= Short == isShort)
        .Select(each => each.Key)];

    private static void Check(string name)
    {
        ExpectedProgram program = s_programs[name];
        PlainRun plain = PlainInterpreter.Run(program.Instructions, program.Files, Fuel);
        Assert.Equal(program.LimitAt is null ? PlainEnd.Halt : program.Instructions[program.LimitAt.Value].Opcode == (int)Opcode.BrIf
            ? PlainEnd.LoopLimit : PlainEnd.FileFull, plain.End);
        Assert.Equal(program.LimitAt ?? plain.Instructions[^1], plain.Instructions[^1]);
        Assert.Equal(program.Output, plain.Output);
        AssertFiles(program, d => plain.Files[d]);
        foreach (bool dense in (bool[])[false, true])
        {
            var machine = new CompactMachine(dense, keepTrace: true);
            machine.Load(program.Instructions, program.Files);
            if (program.LimitAt is int limit)
            {
                EmlException error = Assert.Throws<EmlException>(() => machine.Run(Fuel));
                Assert.Equal((ErrorCode.Limit, limit), (error.Code, error.SubCode));
                Assert.StartsWith($"instruction {limit} (", error.Message, StringComparison.Ordinal);
            }
            else
            {
                Assert.Equal(GenerationStatus.Done, machine.Run(Fuel));
            }
            Assert.Equal(program.Output, machine.Output);
            AssertFiles(program, machine.File);
            Assert.Equal(plain.Tokens, machine.Trace.Select(generated => generated.Token));
            Assert.Equal(plain.Instructions, machine.Trace.Select(generated => generated.Row));
            Assert.Equal(plain.Tokens.Count, machine.Steps);
        }
    }

    [Fact]
    public void Every_category_has_its_programs()
    {
        var counts = s_programs.Values.GroupBy(program => program.Category).ToDictionary(group => group.Key, group => group.Count());
        Assert.Equal(new Dictionary<string, int>
        {
            ["arithmetic & logic"] = 24,
            ["comparisons"] = 16,
            ["memory & variables"] = 14,
            ["filesystem"] = 8,
            ["filesystem integration"] = 3,
            ["limits & bounds"] = 15,
            ["basic loops"] = 7,
            ["loop + arithmetic"] = 7,
            ["loop + locals/memory"] = 4,
            ["loop + filesystem"] = 6,
            ["loop edge cases"] = 4,
            ["combined & output"] = 4,
            ["nested loops"] = 7,
            ["algorithms"] = 19,
        }, counts);
    }

    [Fact]
    public void The_programs_use_every_instruction()
    {
        Assert.Equal(ProgramText.Codes.Values.Order(), s_programs.Values.SelectMany(program => program.Instructions).Select(i => i.Opcode).Distinct().Order());
    }

    [Fact]
    public void The_table_has_these_names_and_codes()
    {
        Assert.Equal(ProgramText.Codes.OrderBy(code => code.Value).Select(code => (code.Key, code.Value)),
            InstructionSet.All.OrderBy(instruction => instruction.Opcode).Select(instruction => (instruction.Name, (int)instruction.Opcode)));
    }

    private static void AssertFiles(ExpectedProgram program, Func<int, byte[]> file)
    {
        foreach ((int descriptor, byte[] bytes) in program.FilesAfter)
        {
            Assert.Equal(bytes, file(descriptor));
        }
    }
}
