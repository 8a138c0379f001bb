// The rules of the language. No code inside: C++ that belongs to a rule stands in compiler/parse.
//
// Between the lexer and these parser rules, compiler/parse/layout rewrites the tokens: it ends statements, tells
// opening from closing bars, and demotes keywords that stand where a name is meant (README.md has the list). Thanks to
// that, one token of lookahead decides everywhere, and a test holds the grammar to it.
grammar Am;

// Made by the layout, never by the lexer.
tokens {
  SEPARATOR,   // ends every statement, declaration and setting: a line's end, `;`, or nothing before `}`
  OPEN_BAR,    // `|` or `‖` where an operand may begin
  CLOSE_BAR,
  BINDER,      // a name with `=` or `~` after it
  MEMBER,      // a name that opens `name(parameters) body` inside braces
  LAMBDA,      // `fn` with `(` after it
  PARTIAL_OF,  // `d[t]` before an operand
  GRADIENT_OF  // `∇[y]`, `grad[y]` before an operand
}

// --- files ----------------------------------------------------------------------------------------------------------

program : declaration* EOF ;
formula : expression SEPARATOR EOF ;

// --- declarations ---------------------------------------------------------------------------------------------------

declaration
  : ( valueDeclaration | functionDeclaration | makerDeclaration | pathDeclaration
    | trainDeclaration | sampleDeclaration | evaluateDeclaration ) SEPARATOR
  ;

valueDeclaration    : (CONST | DATA) name EQUALS expression ;
functionDeclaration : (FN | POTENTIAL | VELOCITY | DISTRIBUTION) name parameters body ;
makerDeclaration    : (NET | DYNAMICS | OPTIMIZER | SOLVER) name parameters block ;
pathDeclaration     : PATH name (EQUALS expression | parameters parameters? OVER expression body) ;
trainDeclaration    : TRAIN name EQUALS expression settings? ;
sampleDeclaration   : SAMPLE name FROM name settings? ;
evaluateDeclaration : EVALUATE name settings? ;

parameters : LPAREN (parameter (COMMA parameter)*)? RPAREN ;
parameter  : name (EQUALS expression)? ;
settings   : LBRACE setting* RBRACE ;
setting    : name EQUALS expression SEPARATOR ;
name       : NAME | BINDER ;

// --- statements -----------------------------------------------------------------------------------------------------

body  : EQUALS expression | block ;
block : LBRACE statement* RBRACE ;

statement
  : ( binding | param | state | repeat | condition | function | member | minimize | expression ) SEPARATOR
  ;

binding   : BINDER (EQUALS | TILDE) expression ;
param     : PARAM name COLON shape (EQUALS expression)? ;
state     : STATE name EQUALS expression ;
repeat    : REPEAT expression block ;
condition : IF expression block (ELSE (condition | block))? ;
function  : FN name parameters body ;
member    : MEMBER parameters body ;
minimize  : MINIMIZE expression ;
shape     : name (LBRACKET expression (COMMA expression)* RBRACKET)? ;

// --- expressions, loosest first -------------------------------------------------------------------------------------

expression  : lambda | disjunction ;
lambda      : LAMBDA parameters (block | expression) ;
disjunction : conjunction (OR conjunction)* ;
conjunction : negation (AND negation)* ;
negation    : NOT negation | comparison ;
comparison  : range (COMPARE range)? ;
range       : sum (DOTS sum (BY sum)?)? ;
sum         : product ((PLUS | MINUS) product)* ;

// Left-associative; written to the right because `E[…]` and `∫[…]` take all of the product that follows them.
product     : MINUS* (expectation | integral | power ((DOT | TIMES | DIVIDE) product)?) ;
expectation : EXPECTATION name (COMMA name)? TILDE expression RBRACKET product ;
integral    : INTEGRAL name EQUALS sum DOTS sum (BY sum)? RBRACKET product ;

power       : derivative SUPERSCRIPT* (CARET exponent)? ;
exponent    : MINUS* power ;
derivative  : (GRADIENT | GRADIENT_OF | PARTIAL | PARTIAL_OF | LAPLACIAN | DIVERGENCE)* postfix ;
postfix     : primary (call | index | selection)* ;
call        : LPAREN (argument (COMMA argument)*)? RPAREN ;
argument    : BINDER EQUALS expression | expression ;
index       : LBRACKET expression RBRACKET ;
selection   : POINT name ;

primary
  : NUMBER                                                 # Number
  | STRING                                                 # Text
  | NAME                                                   # Reference
  | LPAREN expression RPAREN                               # Parenthesised
  | LBRACKET (expression (COMMA expression)*)? RBRACKET    # List
  | OPEN_BAR expression CLOSE_BAR                          # Norm
  ;

// --- words ----------------------------------------------------------------------------------------------------------

CONST        : 'const' ;
FN           : 'fn' ;
NET          : 'net' ;
DISTRIBUTION : 'distribution' ;
DATA         : 'data' ;
PATH         : 'path' ;
POTENTIAL    : 'potential' ;
VELOCITY     : 'velocity' ;
DYNAMICS     : 'dynamics' ;
OPTIMIZER    : 'optimizer' ;
SOLVER       : 'solver' ;
TRAIN        : 'train' ;
SAMPLE       : 'sample' ;
EVALUATE     : 'evaluate' ;
PARAM        : 'param' ;
STATE        : 'state' ;
REPEAT       : 'repeat' ;
MINIMIZE     : 'minimize' ;
IF           : 'if' ;
ELSE         : 'else' ;
OVER         : 'over' ;
FROM         : 'from' ;
BY           : 'by' ;
AND          : 'and' ;
OR           : 'or' ;
NOT          : 'not' ;

// --- operators ------------------------------------------------------------------------------------------------------

GRADIENT    : '∇' | 'grad' ;
DIVERGENCE  : '∇·' | '∇⋅' | 'div' ;
LAPLACIAN   : 'Δ' | '∆' | 'lap' ;
PARTIAL     : '∂' (NAME | SUBSCRIPT+) ;
EXPECTATION : ('E' | '\u{1D53C}') '[' ;
INTEGRAL    : ('∫' | 'integral') '[' ;

PLUS      : '+' ;
MINUS     : '-' | '−' ;
DOT       : '·' | '⋅' | '@' ;
TIMES     : '*' ;
STARS     : '**' ;
DIVIDE    : '/' ;
CARET     : '^' ;
COMPARE   : '<' | '<=' | '≤' | '>' | '>=' | '≥' | '==' | '!=' | '≠' ;
EQUALS    : '=' ;
TILDE     : '~' ;
DOTS      : '..' ;
POINT     : '.' ;
COMMA     : ',' ;
COLON     : ':' ;
SEMICOLON : ';' ;
LPAREN    : '(' ;
RPAREN    : ')' ;
LBRACKET  : '[' ;
RBRACKET  : ']' ;
LBRACE    : '{' ;
RBRACE    : '}' ;
BAR       : '|' | '‖' ;

// --- names, numbers, text -------------------------------------------------------------------------------------------

NAME        : LETTER NAME_PART* | '∞' ;
NUMBER      : DIGITS ('.' DIGITS)? EXPONENT? | '.' DIGITS EXPONENT? | [½⅓⅔¼¾⅛] ;
SUPERSCRIPT : '⁻'? [⁰¹²³⁴⁵⁶⁷⁸⁹]+ ;
STRING      : '"' ('\\' ~[\r\n] | ~["\\\r\n])* '"' ;
OPEN_STRING : '"' ('\\' ~[\r\n] | ~["\\\r\n])* ;

// `Δ` (U+0394) and `𝔼` (U+1D53C) are letters to Unicode and operators here, so no name holds them. The ranges stand for
// \p{L} without its modifiers: that class has six hundred ranges, which cost milliseconds at every start of the program.
fragment LETTER
  : [A-Za-z_]
  | [\u00AA\u00B5\u00BA\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02AF]                               // Latin
  | [\u0370-\u0373\u0376-\u0377\u037B-\u037D\u037F\u0386\u0388-\u0393\u0395-\u03FF\u1F00-\u1FBC]  // Greek
  | [\u0400-\u0481\u048A-\u0559\u0560-\u0588\u05D0-\u1CBF\u1D00-\u1D2B\u1E00-\u1EFF]             // other alphabets
  | [\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2139]   // ℝ, ℏ, ℓ …
  | [\u3041-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7A3]
  | [\u{1D400}-\u{1D53B}\u{1D53D}-\u{1D7CB}]                                                   // 𝒩, 𝐱 …
  ;
fragment NAME_PART : LETTER | SUBSCRIPT | [0-9'′\u0300-\u036F] ;
fragment SUBSCRIPT : [\u1D62-\u1D6A\u2080-\u209C\u2C7C] ;
fragment DIGITS    : [0-9]+ ('_' [0-9]+)* ;
fragment EXPONENT  : [eE] [+\-−]? [0-9]+ ;

// --- between --------------------------------------------------------------------------------------------------------

NEWLINE  : '\n' ;
DOC      : '##' (~[#\n] ~[\n]*)? ;
COMMENT  : '#' ~[\n]* -> skip ;
SLASHES  : '//' ~[\n]* ;
BLANK    : [ \t\r\f\u00A0\u2000-\u200A\u202F\u205F\u3000]+ -> skip ;
INVALID  : . ;
