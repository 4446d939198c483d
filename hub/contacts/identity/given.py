"""First names with their short and foreign forms, each line one name; a short form may stand in several."""

from __future__ import annotations

_LINES = """
александр саша шура саня сашка alexander alex aleksandr sasha sandy alejandro alessandro alec oleksandr
александра саша шура саня alexandra sandra sasha aleksandra lexi
алексей леша лёша алёша алеша лёха alexey alexei aleksey oleksii alexis
анастасия настя настюша ася anastasia nastya anastasiya stacy anastasija
анатолий толя толик anatoly anatolii
андрей андрюша дрон andrey andrei andrew andy drew andreas andre andrii
анна аня нюра анюта анечка нюша anna ann anne anya annie hanna hannah ana
антон тоша антоша anton anthony tony antonio
антонина тоня antonina tonya
аркадий аркаша arkady
артем артём тёма тема артемий artem artyom artemy
богдан bogdan bohdan
борис боря boris borya
вадим вадик vadim vadym
валентин валя valentin
валентина валя valentina
валерий валера валерик valery valerii valeriy
валерия лера лерочка валерия valeria lera valeriya
варвара варя varvara barbara varya
василий вася василёк vasily vasya basil vasyl vasiliy
вера верочка vera
вероника ника veronica veronika nika
виктор витя витёк victor viktor vic
виктория вика victoria viktoria vika vicky viktoriya tori
виталий виталик виталя vitaly vitalii vitaliy
владимир вова володя вовка вован vladimir vova volodya volodymyr
владислав влад владик vladislav vlad vladyslav
вячеслав слава славик vyacheslav slava viacheslav
галина галя galina galya halyna
геннадий гена gennady gennadii gennadiy gena
георгий гоша жора гера george georgy georgii georgiy jorge georg
григорий гриша grigory gregory greg grigorii grisha grigoriy
дарья даша дашка дарина daria darya dasha
даниил данила данил даня daniil daniel dan danny danila daniil danylo
денис дэн деня denis dennis denys
диана дина diana
дмитрий дима митя димон dmitry dmitri dmitrii dmitriy dima mitya dmytro
евгений женя жека evgeny eugene yevgeny evgenii gene zhenya yevhen
евгения женя evgenia eugenia evgeniya zhenya yevgenia
екатерина катя катюша катерина ekaterina catherine katya kate katherine katerina kathy cathy katie kateryna
елена лена алёна алена леночка elena helen lena alena alyona olena helena yelena
елизавета лиза лизавета elizabeth liza lisa elizaveta beth betty liz eliza yelizaveta
зинаида зина zinaida
зоя zoya zoe
иван ваня ванька ванюша ivan vanya john jon johnny juan johann giovanni
игорь игорёк гарик igor ihor
илья илюша ilya ilia elijah illia
инна inna
ирина ира иришка ирочка irina ira irene iryna irena
кирилл кирюша кир kirill cyril kyrylo
константин костя костик konstantin constantine kostya
ксения ксюша оксана ksenia xenia ksenya oksana kseniya kseniia
лариса лара larisa lara
лев лёва лёва lev leo
леонид лёня леня leonid lenya
лидия лида lidia lydia lida lidiya
любовь люба lyubov lubov luba
людмила люда мила люся lyudmila ludmila lyuda mila
макс максим максимка maxim maksim max maksym
маргарита рита марго margarita rita margo margaret
марина мариша marina
мария маша маруся маня машенька мария maria mary masha marie mariya mariia
марк mark marc marcus
марта martha marta
матвей мотя matvey matthew matt matthias
михаил миша мишка mikhail michael mike misha mykhailo michel miguel
надежда надя nadezhda nadia nadya hope
наталья наташа ната наталия natalia natalya natasha nataliya natalie nataly
никита никитос nikita mykyta
николай коля колян nikolay nicholas nick kolya nikolai mykola nicolas
нина ниночка nina
олег олежка oleg oleh
ольга оля оленька olga olya olha
павел паша павлик pavel paul pasha pablo pavlo paolo
петр пётр петя петька petr peter pyotr pete petro piotr pedro
полина поля полинка polina paulina
раиса рая raisa
роман рома ромка roman
руслан ruslan
светлана света светик лана svetlana sveta svitlana
семен семён сёма semyon simon semen
сергей серёжа сережа серёга серега serge sergey sergei serhii seryozha sergio
софия софья соня sofia sophia sonya sofya sophie
станислав стас стасик stanislav stas
степан стёпа stepan stephen steve steven stefan
тамара тома tamara
татьяна таня танюша tatiana tatyana tanya tania tetiana
тимофей тима timofey timothy tim
тимур timur
ульяна уля uliana ulyana
федор фёдор федя fedor fyodor theodore ted feodor
филипп филя philip filipp phil phillip
эдуард эдик eduard edward ed eddie ted
элина эля elina
юлия юля юлька yulia julia julie yuliya juliya yuliia
юрий юра юрик yury yuri jurij yurii yuriy
яков яша yakov jacob jake
ярослав ярик слава yaroslav
яна яночка yana jana
james jim jimmy jamie
robert rob bob bobby robbie roberto
william will bill billy liam willy wilhelm
richard rick dick rich ricky ricardo
thomas tom tommy tomas
charles charlie chuck carlos karl carl
joseph joe joey jose josef
christopher chris kristopher
christina chris tina kristina christine кристина
jennifer jen jenny
jessica jess
susan sue suzy susanna
patricia pat patty trish
patrick pat paddy
linda lynda
karen
nancy
laura laurie лаура
sarah sara
emily emma em эмма
olivia liv
kevin
brian bryan
jason
jeffrey jeff geoffrey geoff
ryan
eric erik
scott
brandon
benjamin ben benny
samuel sam sammy
samantha sam
frank francis francisco
raymond ray
jack
jonathan jon johnny
henry harry enrique heinrich
david dave davy давид
donald don
kenneth ken kenny
ronald ron
lawrence larry
louis lou luis luigi
martin мартин
oliver ollie
oscar
lucas luke luca лука
adam адам
arthur артур art arturo
albert альберт al bert
alice алиса
angela анжела angelina ангелина
rachel
rebecca becky
ruth
grace
chloe
lily lilia лилия лиля
monica моника
natasha
ahmed ahmad ахмед
mohammed muhammad mohamed мухаммед магомед
ali али
ibrahim ибрагим
fatima фатима
wei
li
yuki
hiroshi
kenji
"""
GROUPS = tuple(line for line in _LINES.splitlines() if line)
